/** Moves a running machine to whichever node takes it: how changes of its hardware come into force. */
import { create } from '@/core/resources'
import type { Scope } from '@/core/scope'

import { newObject } from '../new-object'
import { dialogMessages } from './dialogs/messages'
import { KUBEVIRT, MIGRATIONS } from './types'

/** What was changed before stays so; an error says that, and what is left to do. */
export async function migrateAnywhere(scope: Scope, namespace: string, name: string): Promise<void> {
  try {
    await create(scope, MIGRATIONS, newObject(`${KUBEVIRT}/v1`, 'VirtualMachineInstanceMigration', { generateName: `${name}-`, namespace }, { spec: { vmiName: name } }))
  } catch (error) {
    throw new Error(dialogMessages.migrate.halfway(name, error instanceof Error ? error.message : String(error)), { cause: error })
  }
}
