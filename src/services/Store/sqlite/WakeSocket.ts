/**
 * How processes on one file wake each other. Each that listens binds a socket beside the file and has its name in
 * `listener`; who commits something of concern writes one byte to the sockets of the others, after the commit. A byte
 * is a set of `Wake`s.
 *
 * A lost byte costs time, never a job: under the sockets `PRAGMA data_version` is looked at every 250 ms, or every 5 ms
 * where no socket could be bound.
 */
import { connect, createServer, type Server, type Socket } from "node:net"
import type { Wake } from "../JobStore.ts"
import * as Place from "./WakeSocketPlace.ts"

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

/**
 * News that start nothing may wait this long for more of their kind: a busy worker settles thousands of turns a second.
 */
const idleNewsDelayMs = 5
const idleNews = encode(["finished", "noted"])
const noted = encode(["noted"])

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
  /** The socket of this name can be written to from now on. */
  readonly onBound: (name: string) => void
  /** Nobody answers to these names any more. */
  readonly onGone: (names: ReadonlyArray<string>) => void
  /** No socket could be bound. */
  readonly onUnbound: () => void
}

export class WakeSocket {
  private readonly options: WakeSocketOptions
  private readonly place: Place.WakeSocketPlace | undefined
  private readonly peers = new Map<string, Peer>()
  private readonly connections = new Set<Socket>()
  private server: Server | undefined
  private own: string | undefined

  constructor(options: WakeSocketOptions) {
    this.options = options
    this.place = Place.placeFor(options.file)
  }

  listen(): void {
    if (this.place === undefined) return this.options.onUnbound()
    try {
      Place.prepare(this.place)
    } catch {
      return this.options.onUnbound()
    }
    this.bind(this.place, true)
  }

  /** `again`: once more where the last listener took the folder away just now. */
  private bind(place: Place.WakeSocketPlace, again: boolean): void {
    const name = Place.freshName(this.options.watches)
    const socketPath = place.pathOf(name)
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
    server.on("error", (error: NodeJS.ErrnoException) => {
      this.server = undefined
      if (!again || error.code !== "ENOENT") return this.options.onUnbound()
      try {
        Place.prepare(place)
        this.bind(place, false)
      } catch {
        this.options.onUnbound()
      }
    })
    server.listen(socketPath, () => {
      try {
        Place.seclude(socketPath)
        this.own = name
        this.options.onBound(name)
      } catch {
        server.close()
        this.options.onUnbound()
      }
    })
    this.server = server
  }

  /** Tells every listener but this process. */
  send(wakes: ReadonlyArray<Wake>, listeners: ReadonlyArray<string>): void {
    if (listeners.length === 0 || this.place === undefined) return
    const all = encode(wakes)
    let gone: Array<string> | undefined
    for (const name of listeners) {
      const mask = Place.isWatchName(name) ? all & noted : all & ~noted
      if (name === this.own || mask === 0) continue
      const peer = this.peers.get(name) ?? this.reach(this.place.pathOf(name), name)
      if (peer === "hidden") continue
      if (peer === "nothing") {
        gone ??= []
        gone.push(name)
        continue
      }
      peer.waiting |= mask
      if (!peer.isConnected || peer.socket.writableNeedDrain) continue
      if ((peer.waiting & ~idleNews) !== 0) this.flush(peer)
      else peer.timer ??= setTimeout(() => this.flush(peer), idleNewsDelayMs)
    }
    // Not now: a commit is being answered.
    if (gone !== undefined) setImmediate(this.options.onGone, gone)
  }

  private flush(peer: Peer): void {
    clearTimeout(peer.timer)
    peer.timer = undefined
    if (peer.waiting === 0) return
    peer.socket.write(Uint8Array.of(peer.waiting))
    peer.waiting = 0
  }

  /** A socket of this user's is connected to; nothing else is touched. */
  private reach(socketPath: string, name: string): Peer | Exclude<Place.Found, "socket"> {
    const found = Place.look(socketPath)
    if (found !== "socket") return found
    const socket = connect(socketPath)
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
      Place.removeDead(socketPath)
      this.options.onGone([name])
    })
    socket.on("close", () => {
      clearTimeout(peer.timer)
      this.peers.delete(name)
    })
    this.peers.set(name, peer)
    return peer
  }

  /** The name others know this process by. */
  get name(): string | undefined {
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
    if (this.place !== undefined && this.own !== undefined) Place.tidy(this.place)
  }
}
