/** The flags every command has. They may stand anywhere before `--`. */
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"

export const Store = GlobalFlag.Setting("store")({
  flag: Flag.String("store").pipe(
    Flag.withMetavar("URL"),
    Flag.withDescription("where jobs rest: a file or memory: (default: $SLUICE_STORE, the config, the state folder)"),
    Flag.optional
  )
})

export const Config = GlobalFlag.Setting("config")({
  flag: Flag.String("config").pipe(
    Flag.withMetavar("FILE"),
    Flag.withDescription(
      "settings from this file instead of the project's (default: $SLUICE_CONFIG); code in it is run"
    ),
    Flag.optional
  )
})

export const Shared = GlobalFlag.Setting("shared")({
  flag: Flag.Boolean("shared").pipe(
    Flag.withoutNegation,
    Flag.withDescription(
      "use a store that others own or may write: they read and decide what is run (SLUICE_SHARED=on)"
    ),
    Flag.withDefault(false)
  )
})

export const Quiet = GlobalFlag.Setting("quiet")({
  flag: Flag.Boolean("quiet").pipe(
    Flag.withAlias("q"),
    Flag.withoutNegation,
    Flag.withDescription("ids only, no progress, no notes"),
    Flag.withDefault(false)
  )
})

export const Colour = GlobalFlag.Setting("color")({
  flag: Flag.Boolean("no-color").pipe(
    Flag.withoutNegation,
    Flag.withDescription("plain text (also with NO_COLOR or TERM=dumb)"),
    Flag.withDefault(false)
  )
})

export const Verbose = GlobalFlag.Setting("verbose")({
  flag: Flag.Boolean("verbose").pipe(
    Flag.withoutNegation,
    Flag.withDescription("show the cause of an error"),
    Flag.withDefault(false)
  )
})

export const all = [Store, Config, Shared, Quiet, Colour, Verbose] as const
