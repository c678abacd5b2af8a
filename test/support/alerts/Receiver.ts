/** A receiver of webhooks on a loopback address of this machine, that answers as the test says. */
import { Effect } from "effect"
import http from "node:http"
import https from "node:https"
import type { AddressInfo } from "node:net"

export interface Received {
  readonly headers: http.IncomingHttpHeaders
  readonly body: string
}

export interface Receiver {
  readonly port: number
  readonly received: ReadonlyArray<Received>
}

/** Closed with the scope, open connections too. */
export const receiver = (
  answer: (response: http.ServerResponse, count: number) => void,
  {
    certificate,
    host = "127.0.0.1",
    port = 0
  }: {
    /** Speaks HTTPS with it. */
    readonly certificate?: { readonly cert: Buffer; readonly key: Buffer }
    readonly host?: string
    readonly port?: number
  } = {}
) =>
  Effect.acquireRelease(
    Effect.callback<Receiver & { readonly server: http.Server }>((resume) => {
      const received: Array<Received> = []
      const listener: http.RequestListener = (request, response) => {
        let body = ""
        request.on("data", (chunk) => {
          body += chunk
        })
        request.on("end", () => {
          received.push({ headers: request.headers, body })
          answer(response, received.length)
        })
      }
      const server = certificate === undefined ? http.createServer(listener) : https.createServer(certificate, listener)
      server.listen(port, host, () =>
        resume(Effect.succeed({ port: (server.address() as AddressInfo).port, received, server }))
      )
    }),
    ({ server }) =>
      Effect.callback<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  )
