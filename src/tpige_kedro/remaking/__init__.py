"""Makes a clip again from the recipe that it carries: is everything available, and are the frames the same?"""
