import { expect, it } from 'vitest'

import { pathAt } from './path'

const lines = `apiVersion: v1
spec:
  template:
    spec:
      disks:
      - name: root
        bus: virtio
      - name: data
      networks:
        - name: default
          pod: {}
  script: |
    not: yaml
      - at all:
  strategy: Always`.split('\n')

it.each([
  ['at the top', 1, '', []],
  ['below a key', 2, '  ', ['spec']],
  ['deep', 4, '      ', ['spec', 'template', 'spec']],
  ['a new element of a list', 5, '      - ', ['spec', 'template', 'spec', 'disks', '*']],
  ['inside an element', 6, '        ', ['spec', 'template', 'spec', 'disks', '*']],
  ['a second element', 7, '      - ', ['spec', 'template', 'spec', 'disks', '*']],
  ['after a list, beside its key', 8, '      ', ['spec', 'template', 'spec']],
  ['inside an indented list', 10, '          ', ['spec', 'template', 'spec', 'networks', '*']],
  ['after a block of text', 14, '  ', ['spec']],
  ['back at the top', 15, '', []],
] as const)('%s', (_, above, lead, path) => {
  expect(pathAt(lines.slice(0, above), lead)).toEqual(path)
})
