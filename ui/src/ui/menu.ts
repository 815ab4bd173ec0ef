import type { Component } from 'vue'

/** One line of a menu. */
export type MenuEntry =
  | { kind?: 'item'; id: string; label: string; icon?: Component | undefined; key?: string | undefined; danger?: boolean | undefined; disabled?: boolean | undefined; run: () => void }
  | { kind: 'choice'; id: string; label: string; value: string; options: { value: string; label: string }[]; choose: (value: string) => void }
  | { kind: 'label'; id: string; label: string }
  | { kind: 'separator'; id: string }
