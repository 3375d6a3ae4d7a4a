import { closeSync, constants, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/** The calls that control groups are worked with. They throw as those of `node:fs` do. */
export interface CgroupFiles {
  read(path: string): string;
  write(path: string, text: string): void;
  /** Names of the folders in a folder. */
  folders(path: string): readonly string[];
  /** Nothing is amiss when it is there. */
  makeFolder(path: string): void;
  removeFolder(path: string): void;
}

export const systemFiles: CgroupFiles = {
  read: (path) => readFileSync(path, "utf8"),
  write: (path, text) => {
    // None is ever made, and some cannot be opened to be read.
    const file = openSync(path, constants.O_WRONLY);
    try {
      writeSync(file, text);
    } finally {
      closeSync(file);
    }
  },
  folders: (path) =>
    readdirSync(path, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name),
  makeFolder: (path) => void mkdirSync(path, { recursive: true }),
  removeFolder: (path) => rmdirSync(path),
};

/** The cgroup in which those of the workers are made. */
export interface CgroupHome {
  readonly path: string;
  /** Puts things back as they were, unless someone else is in need of them by now. @throws when the system refuses. */
  readonly leave: () => void;
}

/**
 * Makes this process's own cgroup (v2) fit to hold others that limit memory. A cgroup that does so may hold no processes
 * itself, so this process moves into one inside it; nobody else is ever moved.
 * @throws an error that says why it cannot be, with everything as it was.
 */
export function moveInto(files: CgroupFiles): CgroupHome {
  const own = ownCgroup(files);
  // `bun --watch` begins anew in the same process, where it was before.
  const hasMoved = basename(own) === serverName;
  const path = hasMoved ? dirname(own) : own;
  if (!lists(files, join(path, "cgroup.controllers"), "memory")) throw new Error(`${path} has no memory controller`);
  const leave = () => moveOut(files, path);
  const isFit = lists(files, join(path, "cgroup.subtree_control"), "memory");
  if (isFit) return { path, leave: hasMoved ? leave : () => undefined };
  if (!hasMoved && !isAlone(files, path)) throw new Error(`${path} holds other processes than this server`);
  const server = join(path, serverName);
  files.makeFolder(server);
  try {
    files.write(join(server, "cgroup.procs"), String(process.pid));
    files.write(join(path, "cgroup.subtree_control"), "+memory");
  } catch (error) {
    files.write(join(path, "cgroup.procs"), String(process.pid));
    files.removeFolder(server);
    throw error;
  }
  return { path, leave };
}

/** Of the cgroups in a home, those of workers. */
export function isWorkerCgroup(name: string): boolean {
  return name.startsWith(workerPrefix);
}

export const workerPrefix = "taskflow-worker-";
const serverName = "taskflow-server";

/** Where the system shows the cgroup that this process is in. */
function ownCgroup(files: CgroupFiles): string {
  if (process.platform !== "linux") throw new Error("only Linux has cgroups");
  const own = /^0::(\/.*)$/m.exec(files.read("/proc/self/cgroup"))?.[1];
  if (own === undefined) throw new Error("there is no cgroup v2");
  if (own.startsWith("/..")) throw new Error(`the cgroup ${own} is outside of this namespace`);
  for (const line of files.read("/proc/self/mountinfo").split("\n")) {
    const [place = "", device = ""] = line.split(" - ");
    if (!device.startsWith("cgroup2 ")) continue;
    const [, , , root = "", mountPoint = ""] = place.split(" ").map(unescaped);
    const prefix = root === "/" ? "" : root;
    if (own === root || own.startsWith(`${prefix}/`)) return join(mountPoint, own.slice(prefix.length));
  }
  throw new Error(`the cgroup ${own} is not mounted`);
}

/** mountinfo writes blanks and the like as three octal digits. */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function lists(files: CgroupFiles, path: string, word: string): boolean {
  return files.read(path).trim().split(" ").includes(word);
}

/** Processes that this one cannot see, in other namespaces, are listed as 0. */
function isAlone(files: CgroupFiles, path: string): boolean {
  return files.read(join(path, "cgroup.procs")).trim() === String(process.pid);
}

function moveOut(files: CgroupFiles, path: string): void {
  // Another server may have been started from in here, which lives on it.
  if (!isAlone(files, join(path, serverName)) || files.folders(path).some(isWorkerCgroup)) return;
  files.write(join(path, "cgroup.subtree_control"), "-memory");
  files.write(join(path, "cgroup.procs"), String(process.pid));
  files.removeFolder(join(path, serverName));
}
