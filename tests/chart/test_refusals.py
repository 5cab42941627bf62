"""Wrong values are refused before anything is created, and the message says what is wrong and where to look."""
import pytest

from chart import helm

GOOD = ["--set", "cluster.fsid=5f3c1a9e-0b7d-4c52-9e1f-6a2d8b4c7e10", "--set", "cluster.monitors={192.0.2.1:3300}",
        "--set", "cluster.pool=rbd"]

# What is added to values that are right, and what the refusal says.
WRONG = {
    "no fsid": (["cluster.fsid="], "ceph fsid"),
    "an fsid that is none": (["cluster.fsid=mycluster"], "/cluster/fsid"),
    "no monitor": (["cluster.monitors=null"], "/cluster"),
    "a monitor without port": (["cluster.monitors={192.0.2.1}"], "/cluster/monitors/0"),
    "a monitor's name": (["cluster.monitors={mon.example.com:3300}"], "/cluster/monitors/0"),
    "a monitor twice": (["cluster.monitors={192.0.2.1:3300,192.0.2.1:3300}"], "/cluster/monitors"),
    "no pool": (["cluster.pool="], "ceph osd pool ls"),
    "null for the pool": (["cluster.pool=null"], "missing property 'pool'"),
    "a pool and an image": (["cluster.pool=rbd/image"], "/cluster/pool"),
    "an unknown key": (["cluster.monitor=192.0.2.1:3300"], "additional properties 'monitor' not allowed"),
    "an unknown key at the top": (["provisioner.replicas=3"], "additional properties 'provisioner' not allowed"),
    "an unknown parameter": (["storageClasses[0].name=a", "storageClasses[0].parameters.imageFeature=x"],
                             "additional properties 'imageFeature' not allowed"),
    "journaling's mounter": (["storageClasses[0].name=a", "storageClasses[0].parameters.mounter=rbd-nbd"], "mounter"),
    "a class without a name": (["storageClasses[0].default=true"], "missing property 'name'"),
    "a log level that is none": (["driver.logLevel=5"], "/driver/logLevel"),
    "no controller": (["controller.replicas=0"], "/controller/replicas"),
    "a digest that is none": (["image.digest=sha256:1"], "/image/digest"),
    "two default classes": (["storageClasses[0].name=a", "storageClasses[0].default=true",
                             "storageClasses[1].name=b", "storageClasses[1].default=true"], "more than one"),
    "attributes on an old cluster": (["volumeAttributesClasses[0].name=a"], "no such API"),
}


def sets(assignments: list[str]) -> list[str]:
    """As arguments of helm."""
    return [word for assignment in assignments for word in ("--set", assignment)]


def test_the_values_that_the_others_begin_with_are_right() -> None:
    done = helm.template(*GOOD)
    assert done.code == 0, done.err


@pytest.mark.parametrize("name", WRONG)
def test_wrong_values_are_refused_with_a_hint(name: str) -> None:
    assignments, hint = WRONG[name]
    done = helm.template(*GOOD, *sets(assignments))
    assert done.code != 0
    assert hint in done.err, done.err
    assert done.out == ""


def test_values_without_monitors_are_refused_with_the_command_that_prints_them() -> None:
    done = helm.template(*GOOD[:2], *GOOD[4:])
    assert done.code != 0 and "ceph mon dump" in done.err and done.out == ""


def test_a_kubernetes_that_is_too_old_is_refused() -> None:
    done = helm.run("template", helm.NAME, str(helm.CHART), *GOOD, kubernetes="1.28.0")
    assert done.code != 0 and "requires kubeVersion" in done.err
