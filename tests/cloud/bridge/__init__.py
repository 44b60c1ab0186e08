"""A stand-in for AWS Batch that really runs jobs: moto's server, with its Job.run replaced.

Everything but the life of a job goes through the public API of the same server, by boto3 over HTTP.
"""
