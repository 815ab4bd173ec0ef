import { describe, expect, it } from 'vitest'

import { DEFAULT_USER_DATA, hasAgent, isCloudConfig, keysIn, userDataProblem, withAgent, withKeys } from './cloud-config'

const KEY = 'ssh-ed25519 AAAAC3Nz alice@laptop'
const OTHER = 'ssh-rsa AAAAB3Nz bob'
const TYPED = `#cloud-config
# The shop's front end
hostname: shop   # not the machine's name
packages: [nginx]
ssh_authorized_keys:
  - ${OTHER}
`

describe('the guest agent', () => {
  it('is found in what the form begins with', () => {
    expect(hasAgent(DEFAULT_USER_DATA)).toBe(true)
    expect(withAgent(DEFAULT_USER_DATA, true)).toBe(DEFAULT_USER_DATA)
  })

  it('is put in and taken out again, and the rest stays', () => {
    const more = withAgent(TYPED, true)
    expect(hasAgent(more)).toBe(true)
    expect(more).toContain("# The shop's front end")
    expect(more).toContain('# not the machine')
    expect(more).toContain('nginx')
    const less = withAgent(more, false)
    expect(hasAgent(less)).toBe(false)
    expect(less).not.toContain('systemctl')
    expect(less).toContain('nginx')
  })

  it('makes a cloud-config of nothing', () => {
    expect(withAgent('', true)).toBe(DEFAULT_USER_DATA)
    expect(withAgent(withAgent('', true), false).trim()).toBe('#cloud-config\npackage_update: true')
  })
})

describe('keys', () => {
  it('come and go, whatever their comment', () => {
    const more = withKeys(TYPED, [KEY], [])
    expect(keysIn(more)).toEqual([OTHER, KEY])
    expect(withKeys(more, [KEY], [])).toBe(more)
    expect(keysIn(withKeys(more, [], [`${KEY}-elsewhere`]))).toEqual([OTHER])
    expect(keysIn(withKeys('', [KEY], []))).toEqual([KEY])
  })
})

describe('texts that are no cloud-config', () => {
  it.each([
    ['a script', '#!/bin/sh\necho hi\n', false, null],
    ['an archive', '#cloud-config-archive\n- type: text/x\n', false, null],
    ['a template', '## template: jinja\n#cloud-config\na: {{ b }}\n', false, null],
    ['nothing', '', true, null],
    ['YAML without the header', 'packages: []\n', false, { kind: 'header' }],
    ['a list', '#cloud-config\n- a\n', false, null],
  ])('are left alone: %s', (_, text, isOurs, problem) => {
    expect(isCloudConfig(text)).toBe(isOurs)
    expect(userDataProblem(text)).toEqual(problem)
    if (!isOurs) {
      expect(withAgent(text, true)).toBe(text)
      expect(withKeys(text, [KEY], [])).toBe(text)
    }
  })

  it('tells where YAML is wrong', () => {
    expect(userDataProblem('#cloud-config\na: [1\nb: 2\n')).toMatchObject({ kind: 'yaml', line: 3 })
  })
})
