import { assert, describe, it } from "@effect/vitest"
import { Cause, Clock, Effect, Exit, Fiber, Scope } from "effect"
import { TestClock } from "effect/testing"
import { type Duplex, duplexPair } from "node:stream"
import type { Wake, WakeListener } from "../../../../src/services/Store/JobStore.ts"
import * as JobStoreMemory from "../../../../src/services/Store/memory/JobStoreMemory.ts"
import { frame, FrameReader } from "../../../../src/services/Store/remote/Frames.ts"
import { messageToText, serverMessage } from "../../../../src/services/Store/remote/Protocol.ts"
import { makeClient } from "../../../../src/services/Store/remote/StoreClient.ts"
import { serve } from "../../../../src/services/Store/remote/StoreServer.ts"
import type { StoreError } from "../../../../src/services/Store/StoreError.ts"
import { type Store, store as wholeStore } from "../../../../src/services/Store/Store.ts"
import { type Fate, type Message, Proxy } from "../../../support/store/Proxy.ts"
import { start, StoreDriver } from "../../../support/store/StoreDriver.ts"

const most = 2 ** 20

/** Lets streams pass on what is in them; the virtual clock stands still meanwhile. */
const streamsFlow = Effect.promise(async () => {
  for (let i = 0; i < 20; i++) await new Promise((next) => setImmediate(next))
})

/** Time passes for who waits by the clock, and what they then say arrives. */
const pass = (millis: number, step = 250) =>
  Effect.gen(function* () {
    for (let at = 0; at < millis; at += step) {
      yield* TestClock.adjust(step)
      yield* streamsFlow
    }
  })

const served = <A, E>(
  body: (parts: {
    readonly store: Store
    readonly connect: Proxy["connect"]
    readonly client: Effect.Effect<StoreDriver, unknown, Scope.Scope>
  }) => Effect.Effect<A, E, Scope.Scope>,
  {
    change = (store) => store,
    fate = () => ({})
  }: {
    readonly fate?: (message: Message) => Fate
    readonly change?: (store: Store) => Store
  } = {}
) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(start)
    const store = change(yield* wholeStore)
    const { connect } = new Proxy((stream) => serve(store, stream), fate)
    return yield* body({
      store,
      connect,
      client: Effect.map(makeClient({ connect }), (store) => new StoreDriver(store))
    })
  }).pipe(Effect.scoped, Effect.provide(JobStoreMemory.layer({ remembersCalls: true })))

/** The other end of a client's connections, in the hands of a test. */
const byHand = () => {
  const ends: Array<Duplex> = []
  const heard: Array<string> = []
  const connect = Effect.sync((): Duplex => {
    const [client, server] = duplexPair()
    const reader = new FrameReader(most)
    server.on("data", (piece: Buffer) => heard.push(...reader.push(piece)))
    server.on("error", () => undefined)
    ends.push(server)
    return client
  })
  return { ends, heard, connect, say: (text: string) => ends.at(-1)!.write(frame(text, most)) }
}

const welcome = (version = 1) =>
  messageToText([
    "welcome",
    version,
    {
      kind: "memory",
      label: "memory:",
      file: undefined,
      restsInHeap: false,
      payloads: "value",
      shared: true,
      remembersCalls: true
    }
  ])

describe("a client of a served store", () => {
  it.effect(
    "hears of the commits of others and of its own, with whose turn brought them and which groups they concern",
    () =>
      served(({ client }) =>
        Effect.gen(function* () {
          const one = yield* client
          const two = yield* client
          const heard: Array<Parameters<WakeListener>> = []
          yield* one.store.jobs.onWake((...wake) => heard.push(wake))
          yield* two.enqueue([{}], { origin: "two" })
          yield* streamsFlow
          assert.deepStrictEqual(heard.splice(0), [["ready", "two", ["group"]]])
          yield* one.enqueue([{}], { origin: "one" })
          assert.deepStrictEqual(heard, [["ready", "one", ["group"]]])
        })
      )
  )

  it.effect("is told of what is noted only while it watches", () =>
    served(({ client }) =>
      Effect.gen(function* () {
        const one = yield* client
        const two = yield* client
        const heard: Array<Wake> = []
        yield* one.store.jobs.onWake((wake) => heard.push(wake))
        const session = yield* two.join()
        const noted = Effect.gen(function* () {
          yield* two.add()
          yield* two.run(session)
          yield* streamsFlow
          return heard.splice(0).includes("noted")
        })
        assert.isFalse(yield* noted)
        assert.isTrue(yield* Effect.scoped(Effect.andThen(one.store.jobs.watch, noted)))
        yield* streamsFlow
        assert.isFalse(yield* noted)
      })
    )
  )

  it.effect("after a lost connection is told everything anew, since nobody knows what it missed", () => {
    let isCut = false
    return served(
      ({ client }) =>
        Effect.gen(function* () {
          const one = yield* client
          const heard: Array<Wake> = []
          yield* one.store.jobs.onWake((wake) => heard.push(wake))
          isCut = true
          const looking = yield* Effect.forkChild(one.store.jobs.count({}))
          yield* streamsFlow
          isCut = false
          yield* pass(500)
          assert.strictEqual((yield* Fiber.join(looking)).count, 0)
          assert.deepStrictEqual(heard.splice(0), ["ready", "finished", "control", "noted"])
          yield* one.add()
          assert.deepStrictEqual(heard, ["ready"])
        }),
      { fate: () => (isCut ? { cut: "before" } : {}) }
    )
  })

  it.effect("is answered what it looks at while a change of its own is still under way", () => {
    const never = (store: Store): Store => ({ ...store, jobs: { ...store.jobs, turn: () => Effect.never } })
    return served(
      ({ client }) =>
        Effect.gen(function* () {
          const one = yield* client
          const writing = yield* Effect.forkChild(one.add())
          assert.strictEqual((yield* one.store.jobs.count({})).count, 0)
          yield* Fiber.interrupt(writing)
        }),
      { change: never }
    )
  })

  it.effect(
    "answers 50 ms late cost 50 ms each for who asks one after the other, and once for who asks at once",
    () => {
      const late = (store: Store): Store => ({
        ...store,
        jobs: { ...store.jobs, count: (filter) => Effect.delay(store.jobs.count(filter), 50) }
      })
      return served(
        ({ client }) =>
          Effect.gen(function* () {
            const { jobs } = (yield* client).store
            const all = yield* Effect.forkChild(
              Effect.all(
                Array.from({ length: 100 }, () => jobs.count({})),
                { concurrency: "unbounded" }
              )
            )
            yield* streamsFlow
            yield* TestClock.adjust(50)
            yield* streamsFlow
            assert.strictEqual((yield* Fiber.join(all)).length, 100)
          }),
        { change: late }
      )
    }
  )

  it.effect("hears within 10 s that nobody answers, also of changes that wait for one another", () => {
    const never = (store: Store): Store => ({ ...store, jobs: { ...store.jobs, turn: () => Effect.never } })
    return served(
      ({ client }) =>
        Effect.gen(function* () {
          const one = yield* client
          const calls = yield* Effect.forkChild(
            Effect.all(
              [one.add(), one.add()].map((call) => Effect.flip(call)),
              { concurrency: "unbounded" }
            )
          )
          yield* pass(9_000)
          assert.isUndefined(calls.pollUnsafe())
          yield* pass(1_250)
          const errors = (yield* Effect.orDie(Fiber.join(calls))) as ReadonlyArray<StoreError>
          assert.deepStrictEqual(
            errors.map(({ reason }) => reason._tag),
            ["StoreOutcomeUnknown", "StoreUnavailable"]
          )
        }),
      { change: never }
    )
  })

  it.effect("of a store that remembers nothing asks no change twice: its outcome is unknown", () => {
    let isCut = false
    return served(
      ({ client }) =>
        Effect.gen(function* () {
          const one = yield* client
          isCut = true
          const error = yield* Effect.orDie(Effect.flip(one.add()))
          isCut = false
          assert.strictEqual((error as StoreError).reason._tag, "StoreOutcomeUnknown")
          const counting = yield* Effect.forkChild(one.store.jobs.count({}))
          yield* pass(500)
          assert.strictEqual((yield* Fiber.join(counting)).count, 1)
        }),
      {
        change: (store) => ({
          ...store,
          jobs: { ...store.jobs, traits: { ...store.jobs.traits, remembersCalls: false } }
        }),
        fate: ({ to }) => (isCut && to === "client" ? { cut: "before" } : {})
      }
    )
  })

  it.effect("leaves a server that has gone silent, and asks the next connection", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const hand = byHand()
      const opening = yield* Effect.forkChild(makeClient({ connect: hand.connect }))
      yield* streamsFlow
      hand.say(welcome())
      yield* streamsFlow
      const { jobs } = yield* Fiber.join(opening)
      const counting = yield* Effect.forkChild(jobs.count({}))
      yield* pass(4_000)
      assert.strictEqual(hand.ends.length, 2)
      hand.say(welcome())
      yield* streamsFlow
      hand.say(messageToText(["done", 1, { count: 5, exact: true }]))
      yield* streamsFlow
      assert.strictEqual((yield* Fiber.join(counting)).count, 5)
    }).pipe(Effect.scoped)
  )

  it.effect("cannot be opened where nobody serves, or where another protocol is spoken", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(start)
      const nobody = yield* Effect.forkChild(
        Effect.flip(makeClient({ connect: Effect.fail(new Cause.TimeoutError("refused")) }))
      )
      yield* pass(10_250)
      assert.match(((yield* Fiber.join(nobody)) as Error).message, /within 10 s \(refused\)/)

      const hand = byHand()
      const older = yield* Effect.forkChild(Effect.flip(makeClient({ connect: hand.connect })))
      yield* streamsFlow
      hand.say(messageToText(["unwelcome", 2]))
      yield* streamsFlow
      assert.match(((yield* Fiber.join(older)) as Error).message, /is newer \(protocol 2.*Upgrade this program/)
    }).pipe(Effect.scoped)
  )

  it.effect("fails what is under way, and what comes after, when its layer is closed", () => {
    const never = (store: Store): Store => ({ ...store, jobs: { ...store.jobs, turn: () => Effect.never } })
    return served(
      ({ connect }) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const one = new StoreDriver(yield* Scope.provide(makeClient({ connect }), scope))
          const adding = yield* Effect.forkChild(Effect.flip(one.add()))
          yield* streamsFlow
          yield* Scope.close(scope, Exit.void)
          const closed = (yield* Effect.orDie(Fiber.join(adding))) as { readonly reason: { readonly _tag: string } }
          assert.strictEqual(closed.reason._tag, "StoreClosed")
          const after = (yield* Effect.orDie(Effect.flip(one.add()))) as { readonly reason: { readonly _tag: string } }
          assert.strictEqual(after.reason._tag, "StoreClosed")
        }),
      { change: never }
    )
  })

  it.effect("says of a call too long for a message that it is, and goes on", () =>
    Effect.gen(function* () {
      const store = yield* wholeStore
      const { connect } = new Proxy(
        (stream) => serve(store, stream, { maxMessageBytes: 4_000 }),
        () => ({})
      )
      const one = new StoreDriver(yield* makeClient({ connect, maxMessageBytes: 4_000 }))
      const error = yield* Effect.flip(one.add({ payload: "x".repeat(5_000) }))
      assert.match((error as Error).message, /more than the 4000.*Hand over less/)
      for (let i = 0; i < 3; i++) yield* one.add({ payload: "x".repeat(1_500) })
      const tooMuch = yield* Effect.flip(one.store.jobs.list({}, { limit: 10, order: "oldest" }))
      assert.match(tooMuch.message, /answer.*too long.*less at a time/)
      assert.strictEqual((yield* one.store.jobs.count({})).count, 3)
    }).pipe(Effect.scoped, Effect.provide(JobStoreMemory.layer({ remembersCalls: true })))
  )
})

describe("the server of a store", () => {
  it.effect("leaves who says what is no message, and serves the others", () =>
    served(({ client, store }) =>
      Effect.gen(function* () {
        const one = yield* client
        const hello = messageToText(["hello", 1])
        const nonsense: ReadonlyArray<ReadonlyArray<string | Buffer>> = [
          ["{"],
          ["5"],
          ['["ask",1,"jobs.count",[{}],null,0]'],
          [hello, '["what"]'],
          [hello, '{"~":"?"}'],
          [Buffer.from([255, 255, 255, 255, 0])],
          [Buffer.from("GET / HTTP/1.1\r\n\r\n")]
        ]
        for (const words of nonsense) {
          const [end, other] = duplexPair()
          const serving = yield* Effect.forkChild(serve(store, other))
          for (const word of words) end.write(typeof word === "string" ? frame(word, most) : word)
          yield* streamsFlow
          assert.isDefined(serving.pollUnsafe(), `${words}`)
        }
        assert.strictEqual((yield* one.store.jobs.count({})).count, 0)
      })
    )
  )

  it.effect("says of what its store cannot be asked that it cannot, and goes on", () =>
    served(({ store }) =>
      Effect.gen(function* () {
        const [end, other] = duplexPair()
        yield* Effect.forkChild(serve(store, other))
        const reader = new FrameReader(most)
        const heard: Array<string> = []
        end.on("data", (piece: Buffer) => heard.push(...reader.push(piece)))
        const now = yield* Clock.currentTimeMillis
        end.write(frame(messageToText(["hello", 1]), most))
        end.write(frame(messageToText(["ask", 1, "jobs.constructor", [], undefined, now]), most))
        end.write(frame(messageToText(["ask", 2, "jobs.get", [5], undefined, now]), most))
        end.write(frame(messageToText(["ask", 3, "jobs.paused", [], undefined, now]), most))
        yield* streamsFlow
        assert.deepStrictEqual(heard.map((text) => serverMessage(text).slice(0, 2)).slice(1), [
          ["died", 1],
          ["died", 2],
          ["done", 3]
        ])
      })
    )
  )
})
