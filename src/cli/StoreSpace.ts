/** Checks of the room a store takes and has. */
import { statfsSync, statSync } from "node:fs"
import path from "node:path"
import { type Check, ok, problem, warning } from "./Checks.ts"
import * as HumanNumber from "./terminal/HumanNumber.ts"

const littleSpace = 1024 ** 3
const tooLittleSpace = 64 * 1024 ** 2
/** It is emptied at 4 MB; so much more means that something has been reading for long, or nothing has closed it. */
const largeWal = 64 * 1024 ** 2

const size = (file: string): number | undefined => statSync(file, { throwIfNoEntry: false })?.size

export const checkWal = (file: string): Check => {
  const bytes = size(`${file}-wal`)
  if (bytes === undefined) return ok("wal", "none: nobody has the store open")
  return bytes < largeWal
    ? ok("wal", HumanNumber.bytes(bytes))
    : warning("wal", HumanNumber.bytes(bytes), "end what has been reading the store for long, a query or a backup")
}

export const checkFree = (bytes: number): Check => {
  const found = `${HumanNumber.bytes(bytes)} free`
  if (bytes < tooLittleSpace) return problem("disk", found, "jobs may soon be refused; make room, or move the store")
  return bytes < littleSpace ? warning("disk", found, "make room before jobs are refused") : ok("disk", found)
}

export const checkDisk = (file: string): Check => {
  const { bavail, bsize } = statfsSync(path.dirname(file))
  return checkFree(bavail * bsize)
}

/** The space kept for completions; without it no jobs are taken in. */
export const checkReserve = (file: string): Check => {
  const bytes = size(`${file}.reserve`)
  return bytes === undefined
    ? warning("reserve", "no space is kept for completions", "make room on the disk; it is laid down again by itself")
    : ok("reserve", `${HumanNumber.bytes(bytes)} kept for completions`)
}
