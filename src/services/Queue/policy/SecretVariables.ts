/**
 * Which variables of an environment are secret. Sluice's own are never recorded with a job and never handed to what a
 * job, a hook or a thread runs; others that look like secrets are recorded only when somebody says so.
 *
 * Told by the name, since most secrets look like nothing: its last words, as people name passwords, tokens and keys.
 * And by the value where that says it: a URL with a password, a private key. Names that end in `FILE`, `PATH`, `DIR` or
 * `SOCK` say where something lies, and are none.
 */

type Environment = Readonly<Record<string, string | undefined>>

const own = /^SLUICE_/

/**
 * What ours may hold: also a file with a secret is nothing a job has to know of, and an address may carry a token in
 * its path.
 */
const ownWords = /SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|WEBHOOKS$|(^|_)KEYS?(_|$)/

/** The end of a name, in capitals; of short words the whole word, or `MONKEY` were a key. */
const secretName =
  /(SECRETS?|TOKENS?|PASSWORDS?|PASSWD|PASSPHRASE|CREDENTIALS?|APIKEYS?|COOKIES?|JWT)(_?(ID|BASE64|B64))?$|(^|_)(KEYS?|KEY_ID|PASS|AUTH|DSN)$|._PWD$|^SSHPASS$/

/** `postgres://user:password@host`, within a longer text too. */
const urlWithPassword = /[a-z][a-z0-9+.-]{0,30}:\/\/[^\s/?#@:]{0,256}:[^\s/?#@]{1,1024}@/i
const privateKey = /-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----/

const carriesSecret = (value: string | undefined): boolean =>
  value !== undefined &&
  ((value.includes("://") && urlWithPassword.test(value)) || (value.includes("-----BEGIN") && privateKey.test(value)))

/** `npmAuthToken` is read as `NPM_AUTH_TOKEN`. */
const inCapitals = (name: string): string => name.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").toUpperCase()

/** Sluice's own: what signs its webhooks and where those go, and every token and password to come. */
export const isOwnSecret = (name: string, value: string | undefined): boolean =>
  own.test(name) && (ownWords.test(name) || carriesSecret(value))

/** Anybody's, as far as can be told. */
export const looksSecret = (name: string, value: string | undefined): boolean =>
  isOwnSecret(name, value) || secretName.test(inCapitals(name)) || carriesSecret(value)

/** An environment for a child: all of it but Sluice's own secrets and what is not set. */
export const withoutOwnSecrets = (env: Environment): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] => entry[1] !== undefined && !isOwnSecret(entry[0], entry[1])
    )
  )
