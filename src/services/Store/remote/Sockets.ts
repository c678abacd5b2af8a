/** Streams of bytes between processes of one machine, or of two. */
import { Effect, type Scope } from "effect"
import net from "node:net"
import type { Duplex } from "node:stream"

/** A socket in a folder, whose owner and mode say who may connect; or a port of a host. */
export type SocketAddress = { readonly path: string } | { readonly host: string; readonly port: number }

/** Until a connection without traffic is looked after, in milliseconds: the other machine may be gone. */
const keepAliveMs = 30_000

const kept = (socket: net.Socket): net.Socket => socket.setNoDelay(true).setKeepAlive(true, keepAliveMs)

/** Connects, for as long as the scope is open. */
export const connectTo = (address: SocketAddress): Effect.Effect<Duplex, Error, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.callback<net.Socket, Error>((resume) => {
      const socket = net.connect(address)
      socket.once("error", (error) => resume(Effect.fail(error)))
      socket.once("connect", () => resume(Effect.succeed(kept(socket))))
      return Effect.sync(() => socket.destroy())
    }),
    (socket) => Effect.sync(() => socket.destroy())
  )

/** Hands each connection to `serve` until the scope is closed, which ends them. Fails when nobody can listen there. */
export const listenOn = (
  address: SocketAddress,
  serve: (stream: Duplex) => Effect.Effect<void>
): Effect.Effect<void, Error, Scope.Scope> =>
  Effect.gen(function* () {
    const scope = yield* Effect.scope
    const fork = Effect.runForkWith(yield* Effect.context<never>())
    yield* Effect.acquireRelease(
      Effect.callback<net.Server, Error>((resume) => {
        const server = net.createServer((socket) => fork(Effect.forkIn(serve(kept(socket)), scope)))
        server.once("error", (error) => resume(Effect.fail(error)))
        server.listen(address, () => resume(Effect.succeed(server)))
      }),
      (server) => Effect.sync(() => server.close())
    )
  })
