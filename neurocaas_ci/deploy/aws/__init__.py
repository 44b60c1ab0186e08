"""What talks to AWS, or knows it by another's package: CloudFormation, Batch, EC2, IAM."""
