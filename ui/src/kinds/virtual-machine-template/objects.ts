/** Templates of machines and their versions. */
import { at, textAt, type Condition, type KubeObject } from '@/core/kubernetes'

import type { TemplateContent } from '../virtual-machine/copies'

export interface MachineTemplate extends KubeObject {
  spec?: { defaultVersionId?: string; description?: string }
  status?: { defaultVersion?: number; latestVersion?: number }
}

export interface TemplateVersion extends KubeObject {
  spec?: { templateId?: string; description?: string; imageId?: string; keyPairIds?: string[]; vm?: Partial<TemplateContent['vm']> }
  status?: { version?: number; conditions?: Condition[] }
}

export const idOf = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`
export const isDefault = (version: TemplateVersion, template: MachineTemplate | undefined): boolean => template?.spec?.defaultVersionId === idOf(version)

/** Its images are there; older clusters do not say. */
export function isReady(version: TemplateVersion): boolean {
  const conditions = at(version, 'status', 'conditions')
  return !Array.isArray(conditions) || conditions.every((condition) => textAt(condition, 'type') !== 'ready' || textAt(condition, 'status') === 'True')
}

export const newestFirst = (a: TemplateVersion, b: TemplateVersion): number => (b.status?.version ?? 0) - (a.status?.version ?? 0)
