/** Moves a running machine to whichever node takes it: how changes of its hardware come into force. */
import { create } from '@/core/resources'
import type { Scope } from '@/core/scope'

import { newObject } from '../new-object'
import { KUBEVIRT, MIGRATIONS } from './types'

export const migrateAnywhere = (scope: Scope, namespace: string, name: string): Promise<unknown> =>
  create(scope, MIGRATIONS, newObject(`${KUBEVIRT}/v1`, 'VirtualMachineInstanceMigration', { generateName: `${name}-`, namespace }, { spec: { vmiName: name } }))
