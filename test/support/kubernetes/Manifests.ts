/**
 * The manifests of deploy/kubernetes, checked against the schemas of Kubernetes and KEDA (`kubernetes-models` and
 * `@kubernetes-models/keda`, generated from the OpenAPI document of Kubernetes and the CRDs of KEDA).
 *
 * Those validators let unknown fields pass, as API servers did for long, so that a misspelt field would be a setting
 * without effect. A field that no validator has looked at is therefore reported too.
 */
import { ScaledObject } from "@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject"
import { TriggerAuthentication } from "@kubernetes-models/keda/keda.sh/v1alpha1/TriggerAuthentication"
import * as Yaml from "effect/encoding/Yaml"
import { Deployment } from "kubernetes-models/apps/v1/Deployment"
import { HorizontalPodAutoscaler } from "kubernetes-models/autoscaling/v2/HorizontalPodAutoscaler"
import { NetworkPolicy } from "kubernetes-models/networking.k8s.io/v1/NetworkPolicy"
import { Role } from "kubernetes-models/rbac.authorization.k8s.io/v1/Role"
import { RoleBinding } from "kubernetes-models/rbac.authorization.k8s.io/v1/RoleBinding"
import { PersistentVolumeClaim } from "kubernetes-models/v1/PersistentVolumeClaim"
import { ServiceAccount } from "kubernetes-models/v1/ServiceAccount"
import { readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

/** Looked into by hand; the schemas are what is tested. */
export type Manifest = any

const kinds: ReadonlyArray<{ apiVersion: string; kind: string; prototype: { validate(): void } }> = [
  Deployment,
  HorizontalPodAutoscaler,
  NetworkPolicy,
  PersistentVolumeClaim,
  Role,
  RoleBinding,
  ScaledObject,
  ServiceAccount,
  TriggerAuthentication
]

export const file = (name: string): string =>
  fileURLToPath(new URL(`../../../deploy/kubernetes/${name}`, import.meta.url))

/** The documents of a file. */
export const read = (name: string): ReadonlyArray<Manifest> =>
  readFileSync(file(name), "utf8")
    .split(/^---$/m)
    .map((document) => Yaml.parse(document) as Manifest)

export const find = (name: string, kind: string): Manifest => {
  const found = read(name).find((manifest) => manifest.kind === kind)
  if (found === undefined) throw new Error(`${name} has no ${kind}`)
  return found
}

/** A view of the value that takes from `unread` the paths that are looked at. */
const watched = (value: unknown, at: string, unread: Set<string>): unknown => {
  if (typeof value !== "object" || value === null) return value
  const target = value as Record<string, unknown>
  if (!Array.isArray(value)) for (const key of Object.keys(target)) unread.add(`${at}/${key}`)
  const seen = new Map<string, unknown>()
  return new Proxy(target, {
    get: (_, key) => {
      if (typeof key === "symbol" || !Object.hasOwn(target, key)) return Reflect.get(target, key)
      unread.delete(`${at}/${key}`)
      if (!seen.has(key)) seen.set(key, watched(target[key], `${at}/${key}`, unread))
      return seen.get(key)
    },
    // A map of free names is walked by its keys.
    ownKeys: () => {
      for (const key of Object.keys(target)) unread.delete(`${at}/${key}`)
      return Reflect.ownKeys(target)
    }
  })
}

/** What is wrong with a manifest; empty: nothing. */
export const faults = (manifest: Manifest): ReadonlyArray<string> => {
  const Kind = kinds.find(({ apiVersion, kind }) => apiVersion === manifest.apiVersion && kind === manifest.kind)
  if (Kind === undefined) return [`no schema for ${manifest.apiVersion} ${manifest.kind}`]
  const unread = new Set<string>()
  try {
    // On the manifest itself: the models' constructors would make a copy of it.
    Kind.prototype.validate.call(watched(manifest, "", unread) as Manifest)
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)]
  }
  return [...unread].map((at) => `${at} is no field`)
}
