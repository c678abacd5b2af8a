/**
 * How processes on one file wake each other. Each that listens binds a socket beside the file and has a row in `listener`; who
 * commits something of concern writes one byte to the sockets of the others, after the commit. A byte is a set of `Wake`s.
 *
 * A lost byte costs time, never a job: under the sockets `PRAGMA data_version` is looked at every 250 ms, or every 5 ms where no
 * socket could be bound.
 */
import { createHash, randomBytes } from "node:crypto"
import { chmodSync, mkdirSync, rmSync } from "node:fs"
import { connect, createServer, type Server, type Socket } from "node:net"
import { tmpdir } from "node:os"
import path from "node:path"
import type { Wake } from "../../JobStore.ts"

const bits: ReadonlyArray<readonly [Wake, number]> = [
  ["ready", 1],
  ["finished", 2],
  ["control", 4],
  ["noted", 8]
]

const encode = (wakes: ReadonlyArray<Wake>): number => {
  let mask = 0
  for (const [wake, bit] of bits) if (wakes.includes(wake)) mask |= bit
  return mask
}

const decode = (mask: number): ReadonlyArray<Wake> => bits.filter(([, bit]) => (mask & bit) !== 0).map(([wake]) => wake)

/** News that start nothing may wait this long for more of their kind: a busy worker settles thousands of turns a second. */
const idleNewsDelayMs = 5
const idleNews = encode(["finished", "noted"])
const noted = encode(["noted"])

/** The socket of one who watches is told of what is noted, and of that alone; all others are not. */
const watchingEnd = ".watch.sock"
export const isWatching = (listener: string): boolean => listener.endsWith(watchingEnd)

/** Bytes of a socket's path that every system takes (`sun_path` is 104 on some, with its NUL). */
const pathBytesMost = 100

/** A path for a socket of this process: beside the file, or by its hash in the user's own directory when that is too long. */
export const socketPath = (file: string, end = ".sock"): string | undefined => {
  const name = `${process.pid}-${randomBytes(4).toString("hex")}`
  const beside = `${file}.${name}${end}`
  if (Buffer.byteLength(beside) <= pathBytesMost) return beside
  const folder = path.join(process.env.XDG_RUNTIME_DIR ?? tmpdir(), `sluice-${process.getuid?.() ?? 0}`)
  const hashed = path.join(folder, `${createHash("sha256").update(file).digest("hex").slice(0, 16)}.${name}${end}`)
  if (Buffer.byteLength(hashed) > pathBytesMost) return undefined
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return hashed
}

interface Peer {
  readonly socket: Socket
  isConnected: boolean
  /** Bits that wait for the connection, for the buffer to drain, or for more of their kind. */
  waiting: number
  timer: NodeJS.Timeout | undefined
}

export interface WakeSocketOptions {
  readonly file: string
  /** It hears what is noted of jobs, and nothing else. Default false. */
  readonly watches?: boolean
  /** Another process wrote: called with what its byte says. */
  readonly onWake: (wakes: ReadonlyArray<Wake>) => void
  /** The socket can be written to from now on. */
  readonly onBound: (path: string) => void
  /** Nobody answers at a path any more. */
  readonly onGone: (path: string) => void
  /** No socket could be bound. */
  readonly onUnbound: () => void
}

export class WakeSocket {
  private readonly options: WakeSocketOptions
  private readonly peers = new Map<string, Peer>()
  private readonly connections = new Set<Socket>()
  private server: Server | undefined
  private own: string | undefined

  constructor(options: WakeSocketOptions) {
    this.options = options
  }

  listen(): void {
    let own: string | undefined
    try {
      own = socketPath(this.options.file, this.options.watches === true ? watchingEnd : ".sock")
    } catch {
      own = undefined
    }
    if (own === undefined) {
      this.options.onUnbound()
      return
    }
    const bound = own
    const server = createServer((socket) => {
      this.connections.add(socket)
      socket.unref()
      socket.on("error", () => socket.destroy())
      socket.on("close", () => this.connections.delete(socket))
      socket.on("data", (bytes) => {
        let mask = 0
        for (const byte of bytes) mask |= byte
        this.options.onWake(decode(mask))
      })
    })
    server.unref()
    server.on("error", () => {
      this.server = undefined
      this.options.onUnbound()
    })
    server.listen(bound, () => {
      try {
        chmodSync(bound, 0o600)
        this.own = bound
        this.options.onBound(bound)
      } catch {
        server.close()
        this.options.onUnbound()
      }
    })
    this.server = server
  }

  /** Tells every listener but this process. */
  send(wakes: ReadonlyArray<Wake>, listeners: ReadonlyArray<string>): void {
    if (listeners.length === 0) return
    const all = encode(wakes)
    for (const listener of listeners) {
      const mask = isWatching(listener) ? all & noted : all & ~noted
      if (listener === this.own || mask === 0) continue
      const peer = this.peers.get(listener) ?? this.connect(listener)
      if (peer === undefined) continue
      peer.waiting |= mask
      if (!peer.isConnected || peer.socket.writableNeedDrain) continue
      if ((peer.waiting & ~idleNews) !== 0) this.flush(peer)
      else peer.timer ??= setTimeout(() => this.flush(peer), idleNewsDelayMs)
    }
  }

  private flush(peer: Peer): void {
    clearTimeout(peer.timer)
    peer.timer = undefined
    if (peer.waiting === 0) return
    peer.socket.write(Uint8Array.of(peer.waiting))
    peer.waiting = 0
  }

  private connect(listener: string): Peer | undefined {
    let socket: Socket
    try {
      socket = connect(listener)
    } catch {
      // No path of ours, whoever wrote it there.
      return undefined
    }
    const peer: Peer = { socket, isConnected: false, waiting: 0, timer: undefined }
    socket.unref()
    socket.on("connect", () => {
      peer.isConnected = true
      this.flush(peer)
    })
    socket.on("drain", () => this.flush(peer))
    socket.on("error", (error) => {
      const code = "code" in error ? error.code : undefined
      if (code !== "ENOENT" && code !== "ECONNREFUSED") return
      // Its process died without tidying up.
      rmSync(listener, { force: true })
      this.options.onGone(listener)
    })
    socket.on("close", () => {
      clearTimeout(peer.timer)
      this.peers.delete(listener)
    })
    this.peers.set(listener, peer)
    return peer
  }

  /** The path others know this process by. */
  get path(): string | undefined {
    return this.own
  }

  close(): void {
    this.server?.close()
    for (const socket of this.connections) socket.destroy()
    for (const { socket, timer } of this.peers.values()) {
      clearTimeout(timer)
      // What is still to be said is said.
      socket.end()
    }
    this.peers.clear()
  }
}
