/**
 * Where the sockets of a store's processes lie. The store holds bare names; the folder follows from the store's own
 * path, so that nothing written in a store leads anywhere else. The folder is for its user alone: what lies in it
 * nobody else has put there, nor can connect to.
 */
import { createHash, randomBytes } from "node:crypto"
import { chmodSync, lstatSync, rmdirSync } from "node:fs"
import { tmpdir } from "node:os"
import path from "node:path"
import * as OwnFile from "../../../files/OwnFile.ts"
import * as OwnFolder from "../../../files/OwnFolder.ts"
import { ownUid } from "../../../files/Ownership.ts"

/** Bytes of a socket's path that every system takes (`sun_path` is 104 on some, with its NUL). */
const pathBytesMost = 100

/** The process's number and a random one; a mark behind it for the socket of one who watches. */
const namePattern = /^\d{1,10}-[0-9a-f]{8}w?$/
const nameBytesMost = 10 + 1 + 8 + 1

export const freshName = (watches = false): string =>
  `${process.pid}-${randomBytes(4).toString("hex")}${watches ? "w" : ""}`

/** Of a socket that is told what is noted of jobs, and of that alone; all others are not. */
export const isWatchName = (name: string): boolean => name.endsWith("w")

export const isSocketName = (name: unknown): name is string => typeof name === "string" && namePattern.test(name)

export interface WakeSocketPlace {
  readonly folder: string
  readonly pathOf: (name: string) => string
}

const place = (folder: string, prefix: string): WakeSocketPlace | undefined => {
  const pathOf = (name: string) => path.join(folder, prefix + name)
  return Buffer.byteLength(pathOf("0".repeat(nameBytesMost))) <= pathBytesMost ? { folder, pathOf } : undefined
}

/**
 * Beside the store; by the hash of its path in the user's own temporary folder when that is too long; undefined: no
 * path is short enough.
 */
export const placeFor = (store: string): WakeSocketPlace | undefined => {
  const hash = createHash("sha256").update(store).digest("hex").slice(0, 16)
  const temporary = process.env.XDG_RUNTIME_DIR || tmpdir()
  return place(`${store}.wake`, "") ?? place(path.join(path.resolve(temporary), `sluice-${ownUid() ?? 0}`), `${hash}.`)
}

/** Makes the folder, unless it is there. Throws when what is there is not this user's alone. */
export const prepare = ({ folder }: WakeSocketPlace): void => OwnFolder.ensureSecluded(folder)

/** In a folder of this user's alone nobody else has seen the socket before. */
export const seclude = (socket: string): void => chmodSync(socket, OwnFile.fileMode)

/** `hidden`: not to be seen by this user. */
export type Found = "socket" | "nothing" | "hidden"

/** Whether a socket of this user's is at the path. */
export const look = (socket: string): Found => {
  try {
    const stats = lstatSync(socket, { throwIfNoEntry: false })
    return stats?.isSocket() === true && (ownUid() === undefined || stats.uid === ownUid()) ? "socket" : "nothing"
  } catch {
    return "hidden"
  }
}

/** Removes a socket that nobody answers at. */
export const removeDead = (socket: string): void => {
  if (look(socket) === "socket") OwnFile.remove(socket)
}

/** Takes the folder away with the last socket. */
export const tidy = ({ folder }: WakeSocketPlace): void => {
  try {
    rmdirSync(folder)
  } catch {
    // Others listen still.
  }
}
