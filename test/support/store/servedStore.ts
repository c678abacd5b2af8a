/**
 * A process that serves a store in a file on a socket: `node servedStore.ts FILE SOCKET [N]`. With N it kills itself
 * once the N-th turn that stores jobs is committed, before it is answered.
 */
import { Effect, Layer } from "effect"
import { NodeRuntime } from "@effect/platform-node"
import * as JobStoreSqlite from "../../../src/services/Store/sqlite/JobStoreSqlite.ts"
import { listenOn } from "../../../src/services/Store/remote/Sockets.ts"
import { serve } from "../../../src/services/Store/remote/StoreServer.ts"
import { type Store, store as wholeStore } from "../../../src/services/Store/Store.ts"

const [file = "", socket = "", killedAt = "0"] = process.argv.slice(2)

let turns = 0
const dying = (store: Store): Store => ({
  ...store,
  jobs: {
    ...store.jobs,
    turn: (turn) =>
      Effect.map(store.jobs.turn(turn), (result) => {
        if (turn.enqueue.length > 0 && ++turns === Number(killedAt)) process.kill(process.pid, "SIGKILL")
        return result
      })
  }
})

NodeRuntime.runMain(
  Layer.launch(
    Layer.effectDiscard(
      Effect.flatMap(wholeStore, (store) => listenOn({ path: socket }, (stream) => serve(dying(store), stream)))
    ).pipe(Layer.provide(JobStoreSqlite.layer({ path: file, remembersCalls: true })))
  )
)
