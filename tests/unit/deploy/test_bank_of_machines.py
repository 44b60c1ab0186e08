"""The resource bank holds what blueprints need, once, and says what AWS cannot give."""

from deploy_world import blueprint, group, hardware

from neurocaas_ci.deploy.bank import make_bank
from neurocaas_ci.deploy.registry_stack import registry_template
from neurocaas_ci.model.cloud_names import queue_name, role_name


def bank_of(blueprints, *types):
    return make_bank(blueprints, {entry.id: entry for entry in types})


def test_only_hardware_of_aws_that_somebody_may_use_is_deployed():
    found = bank_of(
        [blueprint("a", "laptop", "m5.large")],
        hardware("m5.large"), hardware("m5.xlarge"), hardware("laptop", provider="local"),
        hardware("node", provider="slurm"),
    )  # fmt: skip
    assert [machine.queue for machine in found.machines] == ["neurocaas-m5-large-standard"]
    assert found.problems == ()


def test_hardware_with_a_price_as_spot_has_a_second_queue():
    found = bank_of([blueprint("a", "m5.large")], hardware("m5.large", save=0.1))
    assert [m.queue for m in found.machines] == [
        queue_name("m5.large", "save"), queue_name("m5.large", "standard"),
    ]  # fmt: skip


def test_the_disk_is_of_the_largest_step_and_the_bound_of_the_widest_job():
    jobs = [
        blueprint("a", "m5.large", gigabytes=1, parallel=70),
        blueprint("b", "m5.large", gigabytes=80, parallel=3),
    ]
    (machine,) = bank_of(jobs, hardware("m5.large")).machines
    assert (machine.disk, machine.parallel) == (250, 70)
    assert [m.disk for m in bank_of(jobs[:1], hardware("m5.large")).machines] == [100]


def test_a_step_that_no_disk_can_hold_is_a_problem_that_names_it():
    found = bank_of([blueprint("vast", "m5.large", gigabytes=5000)], hardware("m5.large"))
    assert found.machines == ()
    assert found.problems == (
        (
            "registry/hardware/m5.large.yaml: step only of vast needs a disk of 5032 GB, the largest "
            "there is has 1000 GB; lower datasets.max_size or the limits"
        ),
    )


def test_an_id_that_is_no_instance_type_is_a_problem():
    (problem,) = bank_of([blueprint("a", "big-one")], hardware("big-one")).problems
    assert problem.startswith("registry/hardware/big-one.yaml: the id is no instance type")


def test_two_types_with_one_queue_are_a_problem():
    found = bank_of(
        [blueprint("a", "m5-x.large", "m5.x-large")], hardware("m5-x.large"), hardware("m5.x-large")
    )
    assert len(found.problems) == 1
    assert "is also that of m5-x.large" in found.problems[0]


def test_sixty_types_are_too_many_for_batch():
    types = [hardware(f"m{number}.large") for number in range(60)]
    found = bank_of([blueprint("a", *(entry.id for entry in types))], *types)
    queues, environments = found.problems
    assert "60 job queues are needed, AWS Batch takes 50" in queues
    assert "60 compute environments are needed" in environments


def test_fifty_queues_are_not_too_many():
    types = [hardware(f"m{number}.large", save=0.1) for number in range(25)]
    found = bank_of([blueprint("a", *(entry.id for entry in types))], *types)
    assert len(found.machines) == 50
    assert found.problems == ()


def test_sizes_of_fargate_share_one_environment_and_have_a_queue_each():
    sizes = [hardware("fargate-1-2"), hardware("fargate-4-16")]
    found = bank_of([blueprint("a", "fargate-1-2", "fargate-4-16")], *sizes)
    resources = registry_template(found.machines, [])["Resources"].values()
    kinds = sorted(resource["Type"] for resource in resources)
    assert kinds == ["AWS::Batch::ComputeEnvironment"] + ["AWS::Batch::JobQueue"] * 2


def test_what_is_a_task_is_said_by_the_hardware_not_by_its_name():
    named = hardware("small-task")._replace(launch="fargate")
    found = bank_of([blueprint("a", "small-task")], named)
    assert found.problems == ()
    assert found.machines[0].serverless
    vast = bank_of([blueprint("a", "small-task", gigabytes=300)], named)
    assert "the largest there is has 214 GB" in vast.problems[0]


def test_names_of_groups_at_their_limit_still_make_different_roles():
    long = "a" * 62
    names = {role_name(long + end) for end in "bcd"} | {role_name("lab")}
    assert len(names) == 4
    assert all(len(name) <= 64 for name in names)
    assert registry_template([], [group(long + "b"), group(long + "c")])["Resources"]
