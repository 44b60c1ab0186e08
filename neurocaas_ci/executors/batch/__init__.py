"""The parts of the AWS Batch executor: requests, books, words, and the client."""
