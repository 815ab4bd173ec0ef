import { describe, expect, it } from 'vitest'

import { fieldPath, merge3, parseYaml, toYaml } from './yaml'

describe('YAML out', () => {
  it('begins with what people look for and ends with the status', () => {
    const text = toYaml({ status: { ready: true }, spec: { a: 1 }, metadata: { uid: 'u', labels: {}, name: 'ada' }, kind: 'Horse', apiVersion: 'v1' })
    expect([...text.matchAll(/^(\w+):/gm)].map(([, key]) => key)).toEqual(['apiVersion', 'kind', 'metadata', 'spec', 'status'])
    expect(text.indexOf('name: ada')).toBeLessThan(text.indexOf('uid: u'))
  })

  it('writes long texts as blocks and comes back the same', () => {
    const object = { kind: 'Secret', data: { userdata: '#cloud-config\npackages:\n  - curl\n', one: 'no' } }
    const text = toYaml(object)
    expect(text).toContain('userdata: |')
    expect(parseYaml(text).value).toEqual(object)
  })
})

describe('YAML in', () => {
  const text = 'metadata:\n  name: ada\nspec:\n  disks:\n    - name: root\n      size: 1\n    - name: data\n'
  const at = (field: string): string => {
    const { from, to } = parseYaml(text).rangeOf(field)
    return text.slice(from, to)
  }
  it.each([
    ['metadata.name', 'name'],
    ['spec.disks', 'disks'],
    ['spec.disks[0].size', 'size'],
    ['spec.disks[1].name', 'name'],
  ])('finds %s', (field, expected) => expect(at(field)).toBe(expected))

  it('finds the nearest place of what is not there', () => {
    expect(at('spec.template.spec')).toBe('spec')
    expect(at('metadata.labels[a.b/c]')).toBe('metadata')
  })

  it('says where the text is wrong', () => {
    const { problems, value } = parseYaml('a: 1\n b: 2\n')
    expect(value).toBeUndefined()
    expect(problems[0]?.from).toBeGreaterThan(0)
  })

  it('does not blow up on alias bombs', () => {
    const bomb = ['a: &a [x,x,x,x,x,x,x,x,x]', ...[...'bcdefgh'].map((letter, index) => `${letter}: &${letter} [${Array(9).fill(`*${'abcdefg'[index]}`).join(',')}]`)].join('\n')
    expect(() => parseYaml(bomb)).toThrow(/alias/i)
  })
})

it('splits field paths as Kubernetes writes them', () => {
  expect(fieldPath('spec.disks[0].name')).toEqual(['spec', 'disks', 0, 'name'])
  expect(fieldPath('metadata.annotations[harvesterhci.io/x.y]')).toEqual(['metadata', 'annotations', 'harvesterhci.io/x.y'])
})

describe('a three-way merge', () => {
  const base = { spec: { cpu: 1, memory: 2, disks: [{ name: 'root', size: 1 }], tags: ['a'] } }
  const change = (spec: object): unknown => ({ spec: { ...base.spec, ...spec } })

  it('keeps what each side changed', () => {
    expect(merge3(base, change({ cpu: 4 }), change({ memory: 8 }))).toEqual({ merged: change({ cpu: 4, memory: 8 }), conflicts: [] })
  })

  it('keeps what each side added and removed', () => {
    const { tags: _, ...without } = base.spec
    expect(merge3(base, { spec: without }, change({ note: 'x' })).merged).toEqual({ spec: { ...without, note: 'x' } })
  })

  it('merges lists of named things by name', () => {
    const mine = change({ disks: [{ name: 'root', size: 5 }] })
    const theirs = change({ disks: [{ name: 'root', size: 1 }, { name: 'data', size: 2 }] })
    expect(merge3(base, mine, theirs)).toEqual({ merged: change({ disks: [{ name: 'root', size: 5 }, { name: 'data', size: 2 }] }), conflicts: [] })
  })

  it('shows where both changed the same, and keeps mine until somebody decides', () => {
    const { merged, conflicts } = merge3(base, change({ cpu: 4 }), change({ cpu: 8 }))
    expect(merged).toEqual(change({ cpu: 4 }))
    expect(conflicts).toEqual([{ path: ['spec', 'cpu'], base: 1, mine: 4, theirs: 8 }])
  })

  it('sees no conflict in the same change', () => {
    expect(merge3(base, change({ tags: ['b'] }), change({ tags: ['b'] })).conflicts).toEqual([])
  })
})
