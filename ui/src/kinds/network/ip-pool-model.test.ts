import { describe, expect, it } from 'vitest'

import { ipPoolFor, ipPoolModel, rangeProblems, sizeOf, subnetsOf, type IpPool } from './ip-pool-model'

describe('sizeOf', () => {
  it.each([
    ['a whole block', [{ subnet: '10.0.0.0/24' }], 254],
    ['with bounds', [{ subnet: '10.0.0.0/24', rangeStart: '10.0.0.10', rangeEnd: '10.0.0.19' }], 10],
    ['two ranges', [{ subnet: '10.0.0.0/30' }, { subnet: '10.0.1.0/30' }], 4],
    ['nonsense', [{ subnet: 'x' }, { subnet: '10.0.0.0/24', rangeStart: 'y' }], 0],
    ['none', [], 0],
  ])('%s', (_, ranges, size) => expect(sizeOf(ranges)).toBe(size))
})

describe('rangeProblems', () => {
  it.each([
    ['a block alone is enough', { subnet: '10.0.0.0/24' }, []],
    ['everything', { subnet: '10.0.0.0/24', gateway: '10.0.0.1', rangeStart: '10.0.0.10', rangeEnd: '10.0.0.20' }, []],
    ['no block', { subnet: '' }, [{ field: 'subnet', kind: 'block' }]],
    ['a gateway elsewhere', { subnet: '10.0.0.0/24', gateway: '10.0.1.1' }, [{ field: 'gateway', kind: 'outside' }]],
    ['no address', { subnet: '10.0.0.0/24', rangeStart: '10.0.0' }, [{ field: 'rangeStart', kind: 'address' }]],
    ['the wrong way round', { subnet: '10.0.0.0/24', rangeStart: '10.0.0.20', rangeEnd: '10.0.0.10' }, [{ field: 'rangeEnd', kind: 'order' }]],
  ])('%s', (_, range, problems) => expect(rangeProblems(range)).toEqual(problems))
})

describe('the form', () => {
  const pool: IpPool = {
    metadata: { name: 'p', labels: { keep: 'me' } },
    spec: { description: 'd', ranges: [{ subnet: '10.0.0.0/24', gateway: '10.0.0.1' }], selector: { priority: 3, network: 'default/vlan1', scope: [{ project: '*', namespace: 'default', guestCluster: '' }] } },
    status: { total: 254 },
  }

  it('gives back what it was given', () => expect(ipPoolFor(ipPoolModel(pool), pool)).toEqual(pool))
  it('sends nothing that was left empty', () => {
    const model = ipPoolModel(undefined)
    expect(ipPoolFor({ ...model, name: 'p', ranges: [{ subnet: '10.0.0.0/24', gateway: '', rangeStart: ' ', rangeEnd: '' }] }).spec?.ranges).toEqual([{ subnet: '10.0.0.0/24' }])
  })
})

it('survives ranges of another shape', () => expect(subnetsOf({ metadata: { name: 'p' }, spec: { ranges: [null, 'x', { subnet: 'a' }] as never } })).toBe('a'))
