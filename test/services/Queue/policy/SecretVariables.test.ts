import { assert, describe, it } from "@effect/vitest"
import { isOwnSecret, looksSecret, withoutOwnSecrets } from "../../../../src/services/Queue/policy/SecretVariables.ts"

const secret: Readonly<Record<string, string>> = {
  AWS_SECRET_ACCESS_KEY: "x",
  AWS_ACCESS_KEY_ID: "x",
  AWS_SESSION_TOKEN: "x",
  GITHUB_TOKEN: "x",
  GH_TOKEN: "x",
  NPM_TOKEN: "x",
  npm_config__authToken: "x",
  NODE_AUTH_TOKEN: "x",
  OPENAI_API_KEY: "x",
  STRIPE_KEY: "x",
  SIGNING_KEY_BASE64: "-----BEGIN RSA PRIVATE KEY-----",
  PGPASSWORD: "x",
  MYSQL_PWD: "x",
  MYSQL_ROOT_PASSWORD: "x",
  RESTIC_PASSWORD: "x",
  SSHPASS: "x",
  BORG_PASSPHRASE: "x",
  DOCKER_AUTH: "x",
  SENTRY_DSN: "x",
  SESSION_COOKIE: "x",
  ID_JWT: "x",
  CLIENT_SECRET: "x",
  clientSecret: "x",
  DATABASE_URL: "postgres://app:hush@db.example/app",
  HTTPS_PROXY: "http://me:hush@proxy:3128",
  CELERY_BROKER: "amqp://:hush@mq",
  DEPLOY: "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA"
}

const plain: Readonly<Record<string, string>> = {
  PATH: "/usr/bin:/bin",
  HOME: "/home/me",
  PWD: "/tmp",
  OLDPWD: "/",
  SSH_AUTH_SOCK: "/run/agent",
  GIT_ASKPASS: "/usr/bin/askpass",
  PGPASSFILE: "/home/me/.pgpass",
  AWS_SHARED_CREDENTIALS_FILE: "/home/me/.aws/credentials",
  AWS_PROFILE: "production",
  TOKENIZERS_PARALLELISM: "false",
  KEYBOARD: "de",
  MONKEY: "1",
  XAUTHORITY: "/home/me/.Xauthority",
  COMPASS: "north",
  DATABASE_URL: "postgres://db.example/app",
  PROXY: "http://proxy:3128/a:b@c",
  NODE_OPTIONS: "--max-old-space-size=4096",
  SLUICE_STORE: "/var/lib/sluice/queue.db",
  SLUICE_GRACE: "10m",
  SLUICE_ALERT_WEBHOOK_HOSTS: "hooks.example.com",
  SLUICE_JOB_ID: "01234567890"
}

const ours: Readonly<Record<string, string>> = {
  SLUICE_ALERT_WEBHOOK_SECRET: "x",
  SLUICE_ALERT_WEBHOOK_SECRET_FILE: "/run/secret",
  SLUICE_ALERT_WEBHOOKS: "https://hooks.example.com/T000/hush",
  SLUICE_TOKEN: "x",
  SLUICE_TOKEN_FILE: "x",
  SLUICE_API_KEY: "x",
  SLUICE_ENCRYPTION_KEYS: "x",
  SLUICE_REDIS_PASSWORD: "x",
  SLUICE_STORE: "postgres://app:hush@db.example/app"
}

describe("a variable of an environment", () => {
  for (const [name, value] of Object.entries(secret)) {
    it(`${name} looks like a secret`, () => {
      assert.isTrue(looksSecret(name, value))
      assert.isFalse(isOwnSecret(name, value))
    })
  }

  for (const [name, value] of Object.entries(plain)) {
    it(`${name} does not`, () => assert.isFalse(looksSecret(name, value)))
  }

  for (const [name, value] of Object.entries(ours)) {
    it(`${name} is Sluice's own secret`, () => {
      assert.isTrue(isOwnSecret(name, value))
      assert.isTrue(looksSecret(name, value))
    })
  }

  it("is for children unless it is Sluice's own secret", () => {
    const { SLUICE_STORE: _, ...rest } = ours
    assert.deepStrictEqual(withoutOwnSecrets({ ...secret, ...plain, ...rest, GONE: undefined }), {
      ...secret,
      ...plain
    })
  })

  it("is judged in a time that grows with its length alone", () => {
    for (const text of ["a://".repeat(100_000), `x://${":".repeat(400_000)}`, "-----BEGIN ".repeat(40_000)]) {
      const began = performance.now()
      looksSecret("X", text)
      looksSecret(text, "x")
      assert.isBelow(performance.now() - began, 2000)
    }
  })
})
