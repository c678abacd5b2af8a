/**
 * What a client of a served store and its server say to each other, each message a list in `ValueText`.
 *
 * Both begin with their protocol's version. From then on the client asks and the server answers in any order; a call is
 * named by the client's sequence number, which is its own on all connections. Between answers the server tells what
 * woke its store, and while it works on a call, that it does.
 */
import type { Asked } from "../Asked.ts"
import type { JobStore, Wake } from "../JobStore.ts"
import type { Turn, TurnResult } from "../Turn.ts"
import { type MethodName, turnMethod } from "../Methods.ts"
import { valueFromText, valueToText } from "../ValueText.ts"
import { resultFromValue, resultToValue, turnFromValue, turnToValue } from "./TurnValue.ts"

/** Both sides must speak the same. */
export const protocolVersion = 1

/** Bytes of the longest message unless both are told otherwise: claims of some hundred of the longest payloads. */
export const defaultMaxMessageBytes = 256 * 1024 * 1024
/** Each second while it works on a call the server says so. */
export const workingMs = 1_000
/** Nobody who is there is silent for longer while a call is under way, in milliseconds. */
export const silentMs = 3_000

export type ClientMessage =
  | readonly [kind: "hello", version: number]
  /** `sentAt`: by the client's clock. */
  | readonly [
      kind: "ask",
      sequence: number,
      method: MethodName,
      args: ReadonlyArray<unknown>,
      asked: Asked | undefined,
      sentAt: number
    ]

/** Calls beside those of the store's services: tell what wakes it, from now on; `[isAside]` as in `JobStore.onWake`. */
export const listenName: MethodName = "listen"
/** Tell also what is noted of jobs, or no more: `[on]`. */
export const watchName: MethodName = "watch"

export type ServerMessage =
  | readonly [kind: "welcome", version: number, traits: JobStore["Service"]["traits"]]
  /** Nobody is served who speaks another version. */
  | readonly [kind: "unwelcome", version: number]
  | readonly [kind: "done", sequence: number, answer: unknown]
  | readonly [kind: "failed", sequence: number, reason: unknown]
  /** A defect of the store, or of what it was asked. */
  | readonly [kind: "died", sequence: number, message: string]
  /** As a `WakeListener` hears it. */
  | readonly [kind: "wake", wake: Wake, origin: string | undefined, groups: ReadonlyArray<string> | undefined]
  | readonly [kind: "working"]

export const messageToText = (message: ClientMessage | ServerMessage): string => valueToText(message)

/** Throws for what is no message. What it holds is believed: who may connect may do all that the store can. */
const messageFromText = (text: string): ReadonlyArray<unknown> => {
  const message = valueFromText(text)
  if (!Array.isArray(message) || typeof message[0] !== "string") throw new SyntaxError("No message")
  return message
}
export const clientMessage = (text: string): ClientMessage => messageFromText(text) as unknown as ClientMessage
export const serverMessage = (text: string): ServerMessage => messageFromText(text) as unknown as ServerMessage

/** The arguments of a call as values, and back. */
export const argumentsToValues = (method: MethodName, args: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  method === turnMethod ? [turnToValue(args[0] as Turn)] : args
export const argumentsFromValues = (method: MethodName, values: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  method === turnMethod ? [turnFromValue(values[0])] : values

/** The answer of a call as a value, and back. */
export const answerToValue = (method: MethodName, answer: unknown): unknown =>
  method === turnMethod ? resultToValue(answer as TurnResult) : answer
export const answerFromValue = (method: MethodName, value: unknown): unknown =>
  method === turnMethod ? resultFromValue(value) : value
