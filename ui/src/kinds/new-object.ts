/** Objects that are about to be made: often the cluster finds their names. */
import type { AnyObject, KubeObject, ObjectMeta } from '@/core/kubernetes'

export function newObject(apiVersion: string, kind: string, metadata: Partial<ObjectMeta>, content: Record<string, unknown> = {}): AnyObject {
  // `generateName` stands for the name.
  return { apiVersion, kind, metadata: metadata as KubeObject['metadata'], ...content }
}
