/**
 * What a server may answer that is broken, or that means harm. `secrets`: what it was told in confidence, to be echoed.
 */
import type { ServerResponse } from "node:http"
import { gzipSync } from "node:zlib"

export interface Told {
  /** Secrets it can know: from the request, or since they are shared. */
  readonly secrets: ReadonlyArray<string>
  /** Where a redirect leads. */
  readonly elsewhere: string
}

export type HostileAnswer = (response: ServerResponse, told: Told) => void

const body =
  (
    status: number,
    text: (told: Told) => string | Buffer,
    headers: Readonly<Record<string, string>> = {}
  ): HostileAnswer =>
  (response, told) =>
    void response.writeHead(status, headers).end(text(told))

const each = (spell: (secret: string) => string) => (told: Told) => told.secrets.map(spell).join(" and ")

const status = (spell: (secret: string) => string) => (told: Told) =>
  JSON.stringify({ kind: "Status", message: `no: ${told.secrets.map(spell).join(" and ")}` })

const base64 = (text: string) => Buffer.from(text).toString("base64")

/** Written until nobody reads. */
const endless =
  (code: number, chunk: (told: Told) => string): HostileAnswer =>
  (response, told) => {
    response.writeHead(code)
    const text = chunk(told)
    const more = () => {
      while (!response.destroyed && response.write(text));
    }
    response.on("drain", more)
    response.on("error", () => {})
    more()
  }

const raw =
  (bytes: string): HostileAnswer =>
  (response) =>
    void response.socket?.end(bytes)

/** Those that tell back what they know: nothing of it may be told on. */
export const echoes: Readonly<Record<string, HostileAnswer>> = {
  "the secret as it is": body(
    500,
    each((secret) => secret)
  ),
  "it with a Bearer before it": body(
    401,
    each((secret) => `Bearer ${secret}`)
  ),
  "it in a message of JSON": body(
    403,
    status((secret) => secret)
  ),
  "it in JSON with every slash escaped": body(
    500,
    each((secret) => secret.replaceAll("/", "\\/"))
  ),
  "it in capitals": body(
    500,
    each((secret) => secret.toUpperCase())
  ),
  "it percent-encoded": body(500, each(encodeURIComponent)),
  "it as a form has it": body(
    500,
    each((secret) => encodeURIComponent(secret).replaceAll("%20", "+"))
  ),
  "it in base64": body(500, each(base64)),
  "it in base64 after one byte": body(
    500,
    each((secret) => base64(`:${secret}`))
  ),
  "it in base64 after two bytes": body(
    500,
    each((secret) => base64(`a:${secret}`))
  ),
  "it in base64 with more behind it": body(
    500,
    each((secret) => base64(`Bearer ${secret}, or so`))
  ),
  "it in base64 for URLs": body(
    500,
    each((secret) => Buffer.from(secret).toString("base64url"))
  ),
  "it in hex": body(
    500,
    each((secret) => Buffer.from(secret).toString("hex"))
  ),
  "it as HTML": body(
    404,
    each(
      (secret) =>
        `<pre>Cannot POST ${secret.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")}</pre>`
    )
  ),
  "it as HTML in numbers": body(
    404,
    each((secret) => secret.replaceAll(/\W/g, (each) => `&#x${each.charCodeAt(0).toString(16)};`))
  ),
  "it in JSON in numbers": body(
    500,
    each((secret) => secret.replaceAll(/\W/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`))
  ),
  "it with invisible characters within": body(
    500,
    each((secret) => [...secret].join("\u200b"))
  ),
  "it over and over, to where reading ends": body(500, (told) => `${told.secrets.join(" ")} `.repeat(3000)),
  "it without end": endless(500, (told) => told.secrets.join("")),
  "it cut where reading ends": body(500, (told) => `${" ".repeat(64 * 1024 - 12)}${told.secrets.join(" ")}`),
  "it in a header, a status and a cookie": (response, told) =>
    void response
      .writeHead(500, `No ${told.secrets[0]!.replaceAll(/[^\x20-\x7e]/g, "")}`, { "set-cookie": told.secrets[0]! })
      .end()
}

/** Those that are broken or too much, whatever they know. */
export const broken: Readonly<Record<string, HostileAnswer>> = {
  ...Object.fromEntries(
    [301, 302, 303, 307, 308].map((code) => [
      `a redirect, ${code}`,
      ((response, { elsewhere }) => void response.writeHead(code, { location: elsewhere }).end("gone")) as HostileAnswer
    ])
  ),
  "a body without end": endless(500, () => "x".repeat(65_536)),
  "a good answer without end": endless(200, () => " ".repeat(65_536)),
  "a body that never ends": (response) => void response.writeHead(500).write("wait"),
  "a body that drips": (response) => {
    response.writeHead(200)
    const timer = setInterval(() => response.write(" "), 20)
    response.on("close", () => clearInterval(timer))
  },
  "no answer": () => undefined,
  "a connection that is cut": (response) => void response.socket?.destroy(),
  "half a status line": raw("HTTP/1.1 20"),
  "no HTTP": raw("SSH-2.0-OpenSSH_9.2\r\n"),
  "a length that is not kept": raw("HTTP/1.1 500 No\r\ncontent-length: 100000\r\n\r\nshort"),
  "two lengths": raw("HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello"),
  "a megabyte of headers": (response) => {
    response.socket?.write("HTTP/1.1 200 OK\r\n")
    response.socket?.write(`x: ${"y".repeat(4000)}\r\n`.repeat(250))
    response.socket?.end("\r\n")
  },
  "early hints without end": (response) => {
    const { socket } = response
    const timer = setInterval(() => socket?.write("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n".repeat(100)), 5)
    socket?.on("close", () => clearInterval(timer))
    socket?.on("error", () => clearInterval(timer))
  },
  "another content than it says": body(200, () => "\x89PNG\r\n\x1a\n", { "content-type": "application/json" }),
  "a page": body(200, () => "<html><script>alert(1)</script></html>", { "content-type": "text/html" }),
  "a gzip bomb": body(500, () => gzipSync(Buffer.alloc(50 * 1024 * 1024)), {
    "content-encoding": "gzip",
    "content-type": "application/json"
  }),
  "control characters": body(
    500,
    () => "\u001b[31mred\u001b]52;c;aGk=\u0007\u009b31m\u202e\u2028\r\nforged line\u0000"
  ),
  "bytes that are no text": body(500, () => Buffer.from([0xff, 0xfe, 0xc0, 0x80, 0xed, 0xa0, 0x80])),
  "JSON nested without end": body(500, () => `{"message":${"[".repeat(30_000)}`),
  "a message that is none": body(500, () => '{"message":{"toString":1}}'),
  "an enormous message": body(500, () => JSON.stringify({ message: "m".repeat(60_000) })),
  "counts that are none": body(
    200,
    () => '{"metadata":{"resourceVersion":"1"},"spec":{"replicas":-5},"status":{"replicas":1e300}}'
  )
}
