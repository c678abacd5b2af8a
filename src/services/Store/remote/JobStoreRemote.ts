/**
 * The store that another process serves (`remote/StoreServer`), over a stream of bytes: a socket, a connection with
 * TLS, a pair of pipes.
 *
 * Each change happens once, however often its connection is lost, and is answered as it was the first time. The time is
 * the server's: what a caller names is moved to it, what is answered is in it. A call costs a round trip, and for each
 * job that it carries some microseconds of JSON on both sides.
 */
import { Effect, Layer } from "effect"
import { type StoreServices, toContext } from "../Store.ts"
import type { StoreError } from "../StoreError.ts"
import { type ClientOptions, makeClient } from "./StoreClient.ts"

export type Options = ClientOptions

/** Fails when no server was reached within 10 s. */
export const layer = (options: Options): Layer.Layer<StoreServices, StoreError> =>
  Layer.effectContext(Effect.map(makeClient(options), toContext))
