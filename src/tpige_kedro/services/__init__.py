"""What every paid or remote service needs: bounded HTTP, retries, secrets kept out of texts, and answers read with care."""
