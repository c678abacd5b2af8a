/**
 * Between the clients of a served store and its server: connections that are cut before, within and after any message,
 * held up, overtaken by later ones, and notices that are told twice or not at all. Everything by what `fate` says of
 * each message; delays are in real time.
 */
import { Effect, type Scope } from "effect"
import { type Duplex, duplexPair } from "node:stream"
import { frame, FrameReader } from "../../../src/services/Store/remote/Frames.ts"
import { serverMessage } from "../../../src/services/Store/remote/Protocol.ts"

export interface Fate {
  /**
   * The connection is lost before, within or after the message. `late`: it is lost to its sender, and the message and
   * all that was under way still arrive.
   */
  readonly cut?: "before" | "within" | "after" | "late"
  /** Milliseconds until the message goes on; what follows it waits behind. */
  readonly delayMs?: number
  /** Of a notice: how often it is told. Default 1. */
  readonly copies?: number
}

export interface Message {
  /** From 1, over all connections of the proxy. */
  readonly number: number
  readonly to: "server" | "client"
  readonly isNotice: boolean
}

const most = 2 ** 31
const plain: Fate = {}

export class Proxy {
  private readonly serve: (stream: Duplex) => Effect.Effect<void>
  private readonly fate: (message: Message) => Fate
  /** Messages that have come so far. */
  count = 0
  cuts = 0

  constructor(serve: (stream: Duplex) => Effect.Effect<void>, fate: (message: Message) => Fate) {
    this.serve = serve
    this.fate = fate
  }

  /** A connection to the server, which serves it as long as this proxy lets it. */
  readonly connect: Effect.Effect<Duplex, never, Scope.Scope> = Effect.gen({ self: this }, function* () {
    const [client, clientSide] = duplexPair()
    const [server, serverSide] = duplexPair()
    const cut = () => {
      this.cuts++
      clientSide.end()
      serverSide.end()
    }
    this.pass(clientSide, serverSide, "server", cut)
    this.pass(serverSide, clientSide, "client", cut)
    yield* Effect.forkDetach(this.serve(server))
    yield* Effect.addFinalizer(() => Effect.sync(() => client.destroy()))
    return client
  })

  private pass(from: Duplex, to: Duplex, direction: Message["to"], cut: () => void): void {
    const reader = new FrameReader(most)
    let before = Promise.resolve()
    let isCut = false
    const goOn = (text: string, { copies = 1, cut: cutting, delayMs = 0 }: Fate) => {
      const bytes = frame(text, most)
      before = before.then(async () => {
        if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs))
        if (to.writableEnded || to.destroyed) return
        if (cutting === "within") to.write(bytes.subarray(0, 1 + Math.floor((bytes.length - 1) / 2)))
        else if (cutting !== "before") for (let i = 0; i < copies; i++) to.write(bytes)
        if (cutting === "late") to.end()
        else if (cutting !== undefined) cut()
      })
    }
    from.on("data", (piece: Buffer) => {
      for (const text of reader.push(piece)) {
        if (isCut) return
        const isNotice = direction === "client" && serverMessage(text)[0] === "wake"
        const fate = this.fate({ number: ++this.count, to: direction, isNotice }) ?? plain
        if (fate.cut !== undefined) isCut = true
        if (fate.cut === "late") {
          this.cuts++
          from.end()
        }
        goOn(text, fate)
      }
    })
    from.on("error", () => undefined)
    // Who has hung up is not waited for, and what it said before still arrives.
    from.on("end", () => {
      before = before.then(() => void to.end())
      from.end()
    })
  }
}
