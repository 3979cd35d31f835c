"""From this checkout to a deployment on AWS, and back: `make deploy`, `make destroy`, `make package`.

stage         what a stage is: `.chalice/config.json`, read once
bundle        what the functions run: pinned wheels for Lambda and our sources, compiled
policies      what each function may, narrowed to its account, region and stage
project       these as a Chalice project, and Chalice run on it
tables watch  what stands beside the functions: tables; logs and alarms. Two stacks (`stacks`)
gateway       what API Gateway says by itself, and how much it lets through
single        everything as one CloudFormation template, or for Terraform
edge          a distribution that gives `WWW-Authenticate` its name back: optional
account       the calls that change an AWS account
"""
