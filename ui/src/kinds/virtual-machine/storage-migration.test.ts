import { describe, expect, it } from 'vitest'

import { cancelMovePatch, isMovingStorage, movableClaims, movePatch } from './storage-migration'
import { CLAIM_TEMPLATES, type VirtualMachine } from './types'

const template = (name: string, more: object = {}): object => ({ metadata: { name }, ...more })
function machineWith(templates: object[], claims: string[]): VirtualMachine {
  const volumes = [...claims.map((claimName, index) => ({ name: `disk-${index}`, persistentVolumeClaim: { claimName, hotpluggable: true } })), { name: 'tools', containerDisk: { image: 'tools' } }]
  return { metadata: { name: 'vm', resourceVersion: '7', annotations: { [CLAIM_TEMPLATES]: JSON.stringify(templates) } }, spec: { template: { spec: { volumes } } } }
}
const still = machineWith([template('root'), template('data'), template('gone')], ['root', 'data'])
const moving = machineWith([template('root', { targetVolume: 'faster' }), template('data')], ['faster', 'data'])
const listOf = (patch: object): unknown => JSON.parse(String((patch as { metadata: { annotations: Record<string, string> } }).metadata.annotations[CLAIM_TEMPLATES])) as unknown

describe('storage that moves', () => {
  it('is what the machine has and Harvester lists', () => {
    expect([movableClaims(still), isMovingStorage(still)]).toEqual([['root', 'data'], false])
    expect([movableClaims(moving), isMovingStorage(moving)]).toEqual([['data'], true])
  })
  it('is told where to', () => expect(listOf(movePatch(still, 'data', 'other'))).toEqual([template('root'), template('data', { targetVolume: 'other' }), template('gone')]))
  it('goes back when it is stopped', () => {
    const patch = cancelMovePatch(moving)
    expect(listOf(patch)).toEqual([template('root'), template('data')])
    expect(patch).toMatchObject({
      metadata: { resourceVersion: '7', annotations: { 'harvesterhci.io/waitingStorageMigration': null } },
      spec: {
        updateVolumesStrategy: null,
        template: {
          spec: {
            volumes: [
              { name: 'disk-0', persistentVolumeClaim: { claimName: 'root', hotpluggable: true } },
              { name: 'disk-1', persistentVolumeClaim: { claimName: 'data', hotpluggable: true } },
              { name: 'tools', containerDisk: { image: 'tools' } },
            ],
          },
        },
      },
    })
  })
})
