"""The foundation stack: what is made once, by hand, and outlives every deployment; no I/O here.

Everything in it is retained when it leaves the template, or when the stack is deleted.
"""

from __future__ import annotations

from typing import Any

from neurocaas_ci.deploy.foundation_roles import roles
from neurocaas_ci.deploy.template import Json, att, policy, ref, sub
from neurocaas_ci.model.cloud_names import PREFIX, TAG, export

# GitHub's issuer of identities; the name of the condition keys is its host.
ISSUER = "token.actions.githubusercontent.com"
_SUBJECT = r"^[A-Za-z0-9][A-Za-z0-9-]*(@[0-9]+)?/[A-Za-z0-9._-]+(@[0-9]+)?$"
_ZONES = 2


def foundation_template() -> Json:
    """Return the template of the foundation; all that differs between platforms is a parameter."""
    resources = {**_bucket(), **_network(), **_alarms(), **_github(), **roles(ISSUER)}
    for name, resource in resources.items():
        # What a failed creation made goes, what was ever in use stays.
        resource["DeletionPolicy"] = "RetainExceptOnCreate"
        resource["UpdateReplacePolicy"] = "Retain"
        if resource["Type"] in _TAGGED:
            resource["Properties"]["Tags"] = [
                {"Key": TAG, "Value": "foundation"},
                {"Key": "Name", "Value": f"{PREFIX}-{name}"},
            ]
    exported: dict[str, Any] = {
        "Bucket": ref("Bucket"),
        "BucketArn": att("Bucket", "Arn"),
        "Subnets": {"Fn::Join": [",", [ref(f"Subnet{n}") for n in range(1, _ZONES + 1)]]},
        "SecurityGroup": att("SecurityGroup", "GroupId"),
        "Alarms": ref("Alarms"),
        "BatchRole": att("BatchRole", "Arn"),
        "ExecutionRole": att("ExecutionRole", "Arn"),
        "InstanceProfile": att("InstanceProfile", "Arn"),
        "JobBoundary": ref("JobBoundary"),
    }
    shown = {
        "DeployRole": att("DeployRole", "Arn"),
        "AuditRole": att("AuditRole", "Arn"),
        "GatherRole": att("GatherRole", "Arn"),
        "RunRole": att("RunRole", "Arn"),
        "SignRole": att("SignRole", "Arn"),
        "CloudFormationRole": att("CloudFormationRole", "Arn"),
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": "NeuroCAAS-CI: what stays (storage, network, identities)",
        "Parameters": _PARAMETERS,
        "Conditions": {
            "MakesProvider": {"Fn::Equals": [ref("OidcProvider"), ""]},
            "HasFormer": {"Fn::Not": [{"Fn::Equals": [ref("FormerSubject"), ""]}]},
            "HasEmail": {"Fn::Not": [{"Fn::Equals": [ref("Email"), ""]}]},
        },
        "Resources": resources,
        "Outputs": {
            **{k: {"Value": v, "Export": {"Name": export(k)}} for k, v in exported.items()},
            **{k: {"Value": v} for k, v in shown.items()},
        },
    }


_PARAMETERS: Json = {
    "Subject": {
        "Type": "String",
        "AllowedPattern": _SUBJECT,
        "Description": "The repository as GitHub writes it into `sub`: OWNER@ID/NAME@ID (OWNER/NAME for repositories from before 2026-07-15)",
    },
    "FormerSubject": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": f"^$|{_SUBJECT}",
        "Description": "A second form that is also accepted, while a repository moves from one to the other",
    },
    "OidcProvider": {
        "Type": "String",
        "Default": "",
        "Description": "ARN of the account's provider for GitHub, where there is one already",
    },
    "Email": {
        "Type": "String",
        "Default": "",
        "Description": "Where alarms of budgets go; none means nobody is told",
    },
}

_TAGGED = {
    "AWS::S3::Bucket", "AWS::EC2::VPC", "AWS::EC2::Subnet", "AWS::EC2::InternetGateway",
    "AWS::EC2::RouteTable", "AWS::EC2::SecurityGroup", "AWS::SNS::Topic", "AWS::IAM::Role",
    "AWS::IAM::OIDCProvider",
}  # fmt: skip


def _bucket() -> dict[str, Json]:
    everything = [att("Bucket", "Arn"), sub("${Bucket.Arn}/*")]
    contents = [sub("${Bucket.Arn}/blobs/*"), sub("${Bucket.Arn}/groups/*/blobs/*")]
    return {
        "Bucket": {
            "Type": "AWS::S3::Bucket",
            "Properties": {
                "BucketName": sub(f"{PREFIX}-${{AWS::AccountId}}-${{AWS::Region}}"),
                "VersioningConfiguration": {"Status": "Enabled"},
                "BucketEncryption": {
                    "ServerSideEncryptionConfiguration": [
                        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
                    ]
                },
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
                "PublicAccessBlockConfiguration": {
                    "BlockPublicAcls": True,
                    "BlockPublicPolicy": True,
                    "IgnorePublicAcls": True,
                    "RestrictPublicBuckets": True,
                },
                "LifecycleConfiguration": {
                    "Rules": [
                        {
                            "Id": "abandoned-uploads",
                            "Status": "Enabled",
                            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
                        }
                    ]
                },
            },
        },
        "BucketPolicy": {
            "Type": "AWS::S3::BucketPolicy",
            "Properties": {
                "Bucket": ref("Bucket"),
                "PolicyDocument": policy(
                    {
                        "Sid": "NoPlainHttp",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:*",
                        "Resource": everything,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                    # The parts of an upload carry no condition, its completion does.
                    {
                        "Sid": "ContentsAreWrittenOnce",
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "s3:PutObject",
                        "Resource": contents,
                        "Condition": {
                            "Null": {"s3:if-none-match": "true"},
                            "Bool": {"s3:ObjectCreationOperation": "true"},
                        },
                    },
                ),
            },
        },
    }


def _network() -> dict[str, Json]:
    made: dict[str, Json] = {
        "Network": {
            "Type": "AWS::EC2::VPC",
            "Properties": {
                "CidrBlock": "10.0.0.0/16",
                "EnableDnsSupport": True,
                "EnableDnsHostnames": True,
            },
        },
        "Gateway": {"Type": "AWS::EC2::InternetGateway", "Properties": {}},
        "GatewayAttachment": {
            "Type": "AWS::EC2::VPCGatewayAttachment",
            "Properties": {"VpcId": ref("Network"), "InternetGatewayId": ref("Gateway")},
        },
        "Routes": {"Type": "AWS::EC2::RouteTable", "Properties": {"VpcId": ref("Network")}},
        "RouteOut": {
            "Type": "AWS::EC2::Route",
            "DependsOn": "GatewayAttachment",
            "Properties": {
                "RouteTableId": ref("Routes"),
                "DestinationCidrBlock": "0.0.0.0/0",
                "GatewayId": ref("Gateway"),
            },
        },
        # Data does not leave the network of AWS, and traffic to S3 costs nothing.
        "StorageEndpoint": {
            "Type": "AWS::EC2::VPCEndpoint",
            "Properties": {
                "VpcId": ref("Network"),
                "ServiceName": sub("com.amazonaws.${AWS::Region}.s3"),
                "RouteTableIds": [ref("Routes")],
                "VpcEndpointType": "Gateway",
            },
        },
        "SecurityGroup": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {
                "GroupDescription": "Machines of NeuroCAAS-CI: nothing comes in",
                "VpcId": ref("Network"),
                "SecurityGroupIngress": [],
                "SecurityGroupEgress": [
                    {
                        "IpProtocol": "tcp",
                        "FromPort": 443,
                        "ToPort": 443,
                        "CidrIp": "0.0.0.0/0",
                        "Description": "images and the interfaces of AWS",
                    }
                ],
            },
        },
    }
    for number in range(1, _ZONES + 1):
        made[f"Subnet{number}"] = {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": ref("Network"),
                "CidrBlock": f"10.0.{number * 64 - 64}.0/18",
                "AvailabilityZone": {"Fn::Select": [number - 1, {"Fn::GetAZs": ""}]},
                "MapPublicIpOnLaunch": True,
            },
        }
        made[f"SubnetRoutes{number}"] = {
            "Type": "AWS::EC2::SubnetRouteTableAssociation",
            "Properties": {"SubnetId": ref(f"Subnet{number}"), "RouteTableId": ref("Routes")},
        }
    return made


def _alarms() -> dict[str, Json]:
    entry = {
        "Sid": "BudgetsMayTell",
        "Effect": "Allow",
        "Principal": {"Service": "budgets.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": ref("Alarms"),
        "Condition": {"StringEquals": {"aws:SourceAccount": ref("AWS::AccountId")}},
    }
    return {
        "Alarms": {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": f"{PREFIX}-alarms"}},
        "AlarmsPolicy": {
            "Type": "AWS::SNS::TopicPolicy",
            "Properties": {"Topics": [ref("Alarms")], "PolicyDocument": policy(entry)},
        },
        "AlarmsByEmail": {
            "Type": "AWS::SNS::Subscription",
            "Condition": "HasEmail",
            "Properties": {
                "TopicArn": ref("Alarms"),
                "Protocol": "email",
                "Endpoint": ref("Email"),
            },
        },
    }


def _github() -> dict[str, Json]:
    return {
        "Provider": {
            "Type": "AWS::IAM::OIDCProvider",
            "Condition": "MakesProvider",
            "Properties": {"Url": f"https://{ISSUER}", "ClientIdList": ["sts.amazonaws.com"]},
        }
    }
