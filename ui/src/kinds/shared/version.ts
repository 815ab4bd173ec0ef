/** Which release of Harvester a cluster is, for what older ones cannot do. Asked once a cluster. */
import { shallowReactive } from 'vue'

import { harvesterVersion } from '@/core/clusters'
import type { Scope } from '@/core/scope'

const known = shallowReactive(new Map<string, string>())
const asked = new Set<string>()

/** Whether a version has come to this one. What is no version is a build of tomorrow's. */
export function isAtLeast(version: string, least: string): boolean {
  const [present, wanted] = [version, least].map((text) => /^v?(\d+)\.(\d+)/.exec(text)?.slice(1).map(Number))
  if (!present || !wanted) return true
  const [major = 0, minor = 0] = present
  const [leastMajor = 0, leastMinor = 0] = wanted
  return major > leastMajor || (major === leastMajor && minor >= leastMinor)
}

/** Reactive: not before the answer is there. */
export function isRelease(scope: Scope, least: string): boolean {
  const version = known.get(scope.id)
  if (version !== undefined) return isAtLeast(version, least)
  if (!asked.has(scope.id)) {
    asked.add(scope.id)
    void harvesterVersion(scope.id).then((answer) => answer !== undefined && known.set(scope.id, answer))
  }
  return false
}
