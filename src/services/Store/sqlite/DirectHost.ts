/**
 * The store on the caller's thread: no start-up, no messages, but each call blocks the event loop until the disk has
 * answered.
 */
import { Effect } from "effect"
import type { Asked } from "../Asked.ts"
import type { Turn } from "../Turn.ts"
import type { WakeListener } from "../JobStore.ts"
import type { StoreError } from "../StoreError.ts"
import { Engine, type EngineAnswer, type EngineSettings, type EngineTurnResult } from "./Engine.ts"
import type { Answer, Arguments, Host, Operation } from "./Host.ts"
import { storeError, toTurnResult } from "./SqliteError.ts"
import { closed, StoreFault } from "./StoreFault.ts"

export const makeDirectHost = (settings: EngineSettings): Effect.Effect<Host, StoreError> =>
  Effect.try({
    try: () => {
      const listeners = new Set<WakeListener>()
      let turn: Turn | undefined
      const engine = new Engine(settings, (wakes) => {
        for (const listener of listeners) for (const wake of wakes) listener(wake, turn?.origin)
      })
      let isClosed = false
      let watchers = 0
      const call = <K extends Operation>(operation: K, args: Arguments<K>, asked?: Asked) =>
        Effect.try({
          try: () => {
            if (isClosed) throw new StoreFault(closed(settings.path))
            if (operation === "turn") turn = args[0] as Turn
            try {
              return answerOf(operation, engine.call(operation, args, asked))
            } finally {
              turn = undefined
            }
          },
          catch: (error) => storeError(operation, error, settings.path)
        })
      return {
        isShared: engine.isShared,
        remembersCalls: false,
        call: (operation, ...args) => call(operation, args),
        ask: (asked, operation, args) => call(operation, args, asked),
        // Who calls runs on the thread of the store: no transaction is under way.
        hold: Effect.void,
        listen: (listener, aside) => {
          listeners.add(listener)
          if (!aside) engine.listen()
          return () => {
            listeners.delete(listener)
          }
        },
        watch: (on) => {
          watchers += on ? 1 : -1
          if (!isClosed) engine.watch(watchers > 0)
        },
        close: Effect.sync(() => {
          isClosed = true
          engine.close()
        })
      } satisfies Host
    },
    catch: (error) => storeError("open", error, settings.path)
  })

const answerOf = <K extends Operation>(operation: K, answer: EngineAnswer<K>): Answer<K> =>
  (operation === "turn" ? toTurnResult(answer as EngineTurnResult) : answer) as Answer<K>
