"""Everything that the emulated account lists, so that a test can say what is new and still there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from moto.core.model_instances import model_data

from bridge.rules import ENDED

# What an account may have more of afterwards without anything being left: kinds of moto's models,
# each with the listing below that shows those of them that are still there, or why none is needed.
_LOOKED_AFTER = {
    "batch.Job": "jobs",
    "batch.JobDefinition": "job definitions",
    "ec2.Instance": "instances",
    "ec2.NetworkInterface": "network interfaces",
    "ec2.Volume": "volumes",
    "ec2.VolumeAttachment": "volumes",
    "iam.AccessKey": "access keys",
    "iam.Role": "roles",
    "logs.LogEvent": "log groups",
    "logs.LogGroup": "log groups",
    "logs.LogStream": "log groups",
    "s3.FakeAcl": "a part of each object",
    "s3.FakeDeleteMarker": "objects of the store: the test of versions says which",
    "s3.FakeGrant": "a part of each object",
    "s3.FakeGrantee": "a part of each object",
    "s3.FakeKey": "objects of the store: the test of the store says which",
    "s3.FakeMultipart": "uploads",
    "sts.AssumedRole": "credentials that end by themselves",
}


def made() -> dict[str, int]:
    """Count what moto ever made, by kind; what was removed since counts as well."""
    return {
        f"{service}.{name}": len(model.instances_tracked)
        for service, models in model_data.items()
        for name, model in models.items()
        if model.instances_tracked
    }


def unknown(before: dict[str, int]) -> list[str]:
    """Name the kinds of things that were made since, and that no listing looks after."""
    return [
        f"{count - before.get(kind, 0)} of {kind}, which nobody looks after"
        for kind, count in made().items()
        if count != before.get(kind, 0) and kind not in _LOOKED_AFTER
    ]


def listed(client: Callable[[str], Any]) -> set[str]:
    """Name everything of the account that is there now, ended jobs and machines left out."""
    found: set[str] = set()

    def add(kind: str, names: Iterable[str]) -> None:
        found.update(f"{kind}: {name}" for name in names)

    ec2, batch, iam, s3 = (client(name) for name in ("ec2", "batch", "iam", "s3"))
    reservations = ec2.describe_instances()["Reservations"]
    add(
        "instances",
        (
            i["InstanceId"]
            for r in reservations
            for i in r["Instances"]
            if i["State"]["Name"] not in {"terminated", "shutting-down"}
        ),
    )
    add("volumes", (v["VolumeId"] for v in ec2.describe_volumes()["Volumes"]))
    interfaces = ec2.describe_network_interfaces()["NetworkInterfaces"]
    add("network interfaces", (i["NetworkInterfaceId"] for i in interfaces))
    add("addresses", (a["PublicIp"] for a in ec2.describe_addresses()["Addresses"]))
    spot = ec2.describe_spot_instance_requests()["SpotInstanceRequests"]
    add("spot requests", (r["SpotInstanceRequestId"] for r in spot))
    add("security groups", (g["GroupId"] for g in ec2.describe_security_groups()["SecurityGroups"]))
    add("launch templates", (t["LaunchTemplateId"] for t in ec2.describe_launch_templates()["LaunchTemplates"]))  # fmt: skip
    environments = batch.describe_compute_environments()["computeEnvironments"]
    add("compute environments", (e["computeEnvironmentName"] for e in environments))
    definitions = batch.get_paginator("describe_job_definitions").paginate(status="ACTIVE")
    add(
        "job definitions",
        (d["jobDefinitionName"] for page in definitions for d in page["jobDefinitions"]),
    )
    queues = [q["jobQueueName"] for q in batch.describe_job_queues()["jobQueues"]]
    add("queues", queues)
    for queue in queues:
        everything = [{"name": "JOB_NAME", "values": ["*"]}]
        jobs = batch.list_jobs(jobQueue=queue, filters=everything)["jobSummaryList"]
        add("jobs", (j["jobId"] for j in jobs if j["status"] not in ENDED))
    add("clusters", client("ecs").list_clusters()["clusterArns"])
    add(
        "log groups", (g["logGroupName"] for g in client("logs").describe_log_groups()["logGroups"])
    )
    add("roles", (r["RoleName"] for r in iam.list_roles()["Roles"]))
    for user in (u["UserName"] for u in iam.list_users()["Users"]):
        keys = iam.list_access_keys(UserName=user)["AccessKeyMetadata"]
        add("access keys", (f"{user}/{k['AccessKeyId']}" for k in keys))
    for bucket in (b["Name"] for b in s3.list_buckets()["Buckets"]):
        add("buckets", [bucket])
        uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
        add("uploads", (f"{bucket}/{u['Key']} {u['UploadId']}" for u in uploads))
    return found
