"""Commands of this project in Kedro's CLI, a module each; ``cli.py`` lists them."""
