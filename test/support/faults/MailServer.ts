/**
 * A server of this process that takes so many mails in each second and answers 429 with `Retry-After` to the others.
 */
import { Effect } from "effect"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

export interface Refusal {
  readonly mail: number
  readonly worker: string
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface MailServer {
  readonly url: string
  /** When each mail was taken, in milliseconds since 1970. */
  readonly taken: Map<number, Array<number>>
  readonly refused: Array<Refusal>
  /** Called once a refusal has been sent. */
  onRefused: (refusal: Refusal) => void
}

const delayMs = 20

export const mailServer = (perSecond: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly server: ReturnType<typeof createServer>; readonly mails: MailServer }>((resume) => {
        let second = 0
        let count = 0
        const server = createServer((request, response) => {
          const now = Date.now()
          const mail = Number(request.url!.slice(1))
          if (Math.floor(now / 1_000) !== second) {
            second = Math.floor(now / 1_000)
            count = 0
          }
          request.resume()
          if (count++ < perSecond) {
            mails.taken.set(mail, [...(mails.taken.get(mail) ?? []), now])
            setTimeout(() => response.writeHead(204).end(), delayMs)
            return
          }
          const refusal = { mail, worker: String(request.headers["x-worker"]), at: now }
          mails.refused.push(refusal)
          response.writeHead(429, { "retry-after": "1" }).end(() => mails.onRefused(refusal))
        })
        const mails: MailServer = {
          url: "",
          taken: new Map(),
          refused: [],
          onRefused: () => undefined
        }
        server.listen(0, "127.0.0.1", () =>
          resume(
            Effect.succeed({
              server,
              mails: Object.assign(mails, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
            })
          )
        )
      }),
      ({ server }) =>
        Effect.callback<void>((resume) => {
          server.close(() => resume(Effect.void))
          server.closeAllConnections()
        })
    ),
    ({ mails }) => mails
  )
