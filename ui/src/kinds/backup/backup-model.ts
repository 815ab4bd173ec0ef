/** Backups and snapshots of machines: one kind of object with two uses; and what restores them. Pure. */
import { findCondition, type Condition, type KubeObject } from '@/core/kubernetes'

export type BackupType = 'backup' | 'snapshot'

export interface VolumeBackup {
  name?: string
  volumeName?: string
  progress?: number
  readyToUse?: boolean
  volumeSize?: number
  creationTime?: string
  error?: { message?: string } | null
  persistentVolumeClaim?: { metadata?: { name?: string; namespace?: string } }
}

export interface Backup extends KubeObject {
  spec?: { type?: string; source?: { apiGroup?: string; kind?: string; name?: string } }
  status?: {
    creationTime?: string
    readyToUse?: boolean
    progress?: number
    backupTarget?: { endpoint?: string; bucketName?: string; bucketRegion?: string } | null
    source?: { metadata?: { name?: string; namespace?: string }; spec?: unknown } | null
    volumeBackups?: VolumeBackup[] | null
    secretBackups?: { name?: string }[] | null
    error?: { message?: string } | null
    conditions?: Condition[] | null
  }
}

export interface Restore extends KubeObject {
  spec?: { target?: { name?: string }; virtualMachineBackupName?: string; newVM?: boolean }
  status?: { complete?: boolean; progress?: number; restoreTime?: string; conditions?: Condition[] | null }
}

const SCHEDULE = 'harvesterhci.io/svmbackupId'

export const typeOf = (backup: Backup): BackupType => (backup.spec?.type === 'snapshot' ? 'snapshot' : 'backup')
export const machineOf = (backup: Backup): string => backup.spec?.source?.name ?? ''
/** `namespace/name` of the schedule that made it. */
export const scheduleOf = (backup: Backup): string => backup.metadata.annotations?.[SCHEDULE] ?? ''
export const isReady = (backup: Backup): boolean => backup.status?.readyToUse === true

/** In percent; what is ready is all there, whatever was written last. */
export function progressOf(backup: Backup): number {
  if (isReady(backup)) return 100
  const { progress } = backup.status ?? {}
  return typeof progress === 'number' ? Math.min(100, Math.max(0, progress)) : 0
}

/** What went wrong with it, in the cluster's words. */
export function errorOf(backup: Backup): string | undefined {
  const own = backup.status?.error?.message
  if (own) return own
  const volume = volumesOf(backup).find(({ error }) => error?.message)
  if (volume?.error?.message) return `${volume.volumeName ?? volume.name ?? ''}: ${volume.error.message}`
  const ready = findCondition(backup, 'Ready')
  return ready?.status === 'False' && findCondition(backup, 'InProgress')?.status !== 'True' ? ready.message || undefined : undefined
}

export const volumesOf = (backup: Backup): VolumeBackup[] =>
  Array.isArray(backup.status?.volumeBackups) ? backup.status.volumeBackups.filter((volume) => typeof volume === 'object' && volume !== null) : []

export const sizeOf = (backup: Backup): number => volumesOf(backup).reduce((sum, { volumeSize }) => sum + (Number(volumeSize) || 0), 0)

/** Where a backup is kept: `s3://bucket@region/` or the address of the share. */
export function targetOf(backup: Backup): string {
  const { endpoint = '', bucketName, bucketRegion } = backup.status?.backupTarget ?? {}
  if (!bucketName) return endpoint
  return `s3://${bucketName}${bucketRegion ? `@${bucketRegion}` : ''}${endpoint ? ` (${endpoint})` : ''}`
}

export interface RestoreModel {
  isNew: boolean
  namespace: string
  name: string
  keepMac: boolean
  /** What becomes of the volumes that are replaced. */
  deletesOld: boolean
}

export const restoreModel = (backup: Backup, isNew: boolean): RestoreModel => ({
  isNew,
  namespace: backup.metadata.namespace ?? 'default',
  name: isNew ? '' : machineOf(backup),
  keepMac: false,
  deletesOld: typeOf(backup) === 'backup',
})

export function restoreFor(model: RestoreModel, backup: Backup): KubeObject {
  const { name, namespace } = backup.metadata
  const target = { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: model.isNew ? model.name.trim() : machineOf(backup) }
  const isSnapshot = typeOf(backup) === 'snapshot'
  return {
    apiVersion: 'harvesterhci.io/v1beta1',
    kind: 'VirtualMachineRestore',
    metadata: { name: '', generateName: `restore-${name}-`, namespace: model.isNew && !isSnapshot ? model.namespace : (namespace ?? 'default') },
    spec: {
      target,
      virtualMachineBackupName: name,
      virtualMachineBackupNamespace: namespace,
      newVM: model.isNew,
      ...(model.isNew && { keepMacAddress: model.keepMac }),
      // Snapshots stand on the volumes they were taken of, so those stay.
      deletionPolicy: !model.isNew && model.deletesOld && !isSnapshot ? 'delete' : 'retain',
    },
  } as KubeObject
}

export function backupFor(model: { name: string; namespace: string; type: string; machine: string }): Backup {
  return {
    metadata: { name: model.name.trim(), namespace: model.namespace },
    spec: { type: model.type, source: { apiGroup: 'kubevirt.io', kind: 'VirtualMachine', name: model.machine } },
  }
}

/** Whether backups have somewhere to go: the setting's value is JSON, and its condition says whether it was reached. */
export function backupTargetState(setting: (KubeObject & { value?: string }) | undefined): { state: 'unset' | 'unreachable' | 'set'; message?: string } {
  if (!setting) return { state: 'set' }
  const text = setting.value ?? ''
  const target = parseTarget(text)
  if (!target) return { state: 'unset' }
  const configured = findCondition(setting, 'configured')
  return configured?.status === 'False' ? { state: 'unreachable', ...(configured.message && { message: configured.message }) } : { state: 'set' }
}

function parseTarget(text: string): boolean {
  try {
    const value = JSON.parse(text) as { type?: string; endpoint?: string; bucketName?: string } | null
    return Boolean(value?.endpoint || value?.bucketName)
  } catch {
    return false
  }
}
