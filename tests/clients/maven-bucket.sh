#!/usr/bin/env bash
# Builds a folder that serves as a Maven repository bucket: about a thousand real jars with their poms, taken from the
# Debian packages under /usr/share/maven-repo, plus what a repository manager would add: `.sha1` and `.md5` beside every
# file, `maven-metadata.xml` for every artifact (and for the group org.apache.maven.plugins, so that plugin prefixes
# resolve). Upload it to S3 or serve it as it is. Takes about 3 s; the bytes and times depend on the packages only.
#
# usage: tests/clients/maven-bucket.sh DIR
#
#   DIR   created, under a temporary name that is renamed at the end: if DIR is there, it is complete and is kept.
#
# Debian's repository is full of links: 2,200 names for 1,700 files. Every file is copied once, never linked to the
# system's own (a test that corrupts a jar must not corrupt the machine); its other names in the bucket are hard links.
# So change a file by writing a new one and renaming it, or its twins change too.
#
# Kept as it comes from Debian, because buckets hold such things: version folders called `debian` and `3.x`, a few
# `-SNAPSHOT` versions without metadata of their own.
set -euo pipefail

[[ $# -eq 1 ]] || { echo 'usage: maven-bucket.sh DIR' >&2; exit 64; }
source_dir=/usr/share/maven-repo
for needed in junit/junit com/google/guava/guava org/apache/commons/commons-lang3 \
  org/apache/maven/plugins/maven-compiler-plugin; do
  [[ -d $source_dir/$needed ]] ||
    { echo "maven-bucket: $source_dir/$needed is missing; run tests/install-clients.sh" >&2; exit 1; }
done

exec python3 - "$source_dir" "$1" <<'PYTHON'
import collections, hashlib, os, pathlib, re, shutil, sys, tempfile, time

source, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]).absolute()
PLUGINS_GROUP = "org.apache.maven.plugins"


def copy_tree(bucket):
    """Copies the artifacts, links resolved; returns artifact folder -> its versions."""
    copies, versions = {}, collections.defaultdict(set)
    for folder, _, names in os.walk(source, followlinks=True):
        folder = pathlib.Path(folder)
        place = bucket / folder.relative_to(source)
        for name in names:
            real, copy = os.path.realpath(folder / name), place / name
            if not os.path.isfile(real):  # a dangling link: the package it points to is only recommended
                continue
            place.mkdir(parents=True, exist_ok=True)
            if real in copies:
                os.link(copies[real], copy)
            else:
                shutil.copy2(real, copy)
                copies[real] = copy
            versions[place.parent].add(folder.name)
    return versions


def in_order(version):
    """A sort key. Numbers before words, so that `debian` is never the newest version."""
    parts = re.findall(r"\d+|[A-Za-z]+", version)
    return [(1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts]


def write(path, text, seconds):
    path.write_text(text)
    os.utime(path, (seconds, seconds))


def write_metadata(bucket, versions):
    plugins = []
    for folder, found in sorted(versions.items()):
        found = sorted(found, key=in_order)
        newest_time = max(int(path.stat().st_mtime) for version in found for path in (folder / version).iterdir())
        group, artifact = ".".join(folder.parent.relative_to(bucket).parts), folder.name
        releases = [version for version in found if version[0].isdigit() and not version.endswith(("-SNAPSHOT", ".x"))]
        lines = [f"<metadata>\n  <groupId>{group}</groupId>\n  <artifactId>{artifact}</artifactId>\n  <versioning>\n"]
        lines.append(f"    <latest>{found[-1]}</latest>\n")
        if releases:
            lines.append(f"    <release>{releases[-1]}</release>\n")
        lines.append("    <versions>\n" + "".join(f"      <version>{version}</version>\n" for version in found))
        lines.append("    </versions>\n    <lastUpdated>")
        lines.append(time.strftime("%Y%m%d%H%M%S", time.gmtime(newest_time)) + "</lastUpdated>\n  </versioning>\n</metadata>\n")
        write(folder / "maven-metadata.xml", '<?xml version="1.0" encoding="UTF-8"?>\n' + "".join(lines), newest_time)
        prefix = re.fullmatch(r"maven-(.+)-plugin", artifact)
        if group == PLUGINS_GROUP and prefix:
            plugins.append((prefix[1], artifact, newest_time))
    entries = "".join(
        f"    <plugin>\n      <name>{artifact}</name>\n      <prefix>{prefix}</prefix>\n"
        f"      <artifactId>{artifact}</artifactId>\n    </plugin>\n" for prefix, artifact, _ in plugins)
    write(bucket.joinpath(*PLUGINS_GROUP.split(".")) / "maven-metadata.xml",
          f'<?xml version="1.0" encoding="UTF-8"?>\n<metadata>\n  <plugins>\n{entries}  </plugins>\n</metadata>\n',
          max(seconds for _, _, seconds in plugins))


def write_checksums(bucket):
    known = {}  # inode -> digests: twins are hashed once
    for path in sorted(path for path in bucket.rglob("*") if path.is_file()):
        status = path.stat()
        if status.st_ino not in known:
            content = path.read_bytes()
            known[status.st_ino] = hashlib.sha1(content).hexdigest(), hashlib.md5(content).hexdigest()
        for ending, digest in zip((".sha1", ".md5"), known[status.st_ino]):
            write(path.with_name(path.name + ending), digest, int(status.st_mtime))


def main():
    if target.is_dir() and any(target.iterdir()):
        print(f"maven-bucket: {target} is there already")
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}.", dir=target.parent) as scratch:
        bucket = pathlib.Path(scratch) / "bucket"
        versions = copy_tree(bucket)
        write_metadata(bucket, versions)
        write_checksums(bucket)
        try:
            bucket.rename(target)
        except OSError:  # another run was faster
            if not any(target.iterdir()):
                raise
    files = [path for path in target.rglob("*") if path.is_file()]
    jars = sum(path.suffix == ".jar" for path in files)
    print(f"maven-bucket: {target}: {len(files)} files, {jars} jars")


main()
PYTHON
