import { parse } from "node:path";

/** `taskflow.db` at noon of New Year's Day is `taskflow-20260101T120000000Z.db`: the names sort by time. */
export function backupName(database: string, at: Date): string {
  const { name, ext } = parse(database);
  return `${name}-${at.toISOString().replace(/[-:.]/g, "")}${ext}`;
}

/** A backup that is being written; one that was killed meanwhile leaves it behind. */
export function partialName(backup: string): string {
  return `${backup}.partial`;
}

/** Whether a file is called like a backup, or like one that was never finished. */
export function isBackupName(file: string): boolean {
  return /-\d{8}T\d{9}Z(\.[^.]+)?(\.partial(-journal)?)?$/.test(file);
}

/** Whether a file is called like a finished backup of a database with that name. */
export function isBackupOf(database: string, file: string): boolean {
  const { name, ext } = parse(database);
  const time = file.slice(name.length + 1, file.length - ext.length);
  return file === `${name}-${time}${ext}` && /^\d{8}T\d{9}Z$/.test(time);
}
