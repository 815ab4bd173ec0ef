import { describe, expect, it } from 'vitest'

import { formatChoice, isChosen, isSystemNamespace, parseChoice, type NamespaceChoice } from './namespaces'

describe('namespaces', () => {
  it('tells the system\'s from those of people', () => {
    expect(['kube-system', 'cattle-fleet-system', 'harvester-system', 'fleet-local', 'local', 'c-abc12', 'p-x', 'longhorn-system'].every(isSystemNamespace)).toBe(true)
    expect(['default', 'harvester-public', 'team-a', 'system', 'locals'].some(isSystemNamespace)).toBe(false)
  })

  it('chosen for a list stand in the address, and come back from there', () => {
    const choices: [NamespaceChoice, string][] = [
      ['all', '*'],
      ['user', '-system'],
      [['default'], 'default'],
      [['b', 'a'], 'a,b'],
    ]
    for (const [choice, text] of choices) {
      expect(formatChoice(choice)).toBe(text)
      expect(formatChoice(parseChoice(text))).toBe(text)
    }
    expect(formatChoice([])).toBe('*')
    expect(parseChoice(',')).toBe('all')
  })

  it('are shown as chosen', () => {
    expect(isChosen('all', 'kube-system')).toBe(true)
    expect(isChosen('user', 'kube-system')).toBe(false)
    expect(isChosen('user', 'barn')).toBe(true)
    expect(isChosen(['barn', 'kube-system'], 'kube-system')).toBe(true)
    expect(isChosen(['barn'], 'default')).toBe(false)
  })
})
