/** What a container may do beyond running processes. */
import { DEVICES, DEVNODES, PCI } from '../devices.js';
import { CAPABILITY, FEATURES } from '../switches.js';
import { YES_NO } from '../value-type.js';
import { container, type Parameter } from './parameter.js';

export const SECURITY: readonly Parameter[] = [
  container(['CAPABILITY', '--capability'], CAPABILITY, 'capability its processes may or may not have'),
  container(['FEATURES', '--features'], FEATURES, 'what it may or may not use of the kernel', { live: true }),
  container(['DEVNODES', '--devnodes'], DEVNODES, 'device of the host by its name below /dev', {
    live: true,
  }),
  container(['DEVICES', '--devices'], DEVICES, 'device by its numbers, without a node', { live: true }),
  container(
    ['PROC_VIEW', '--proc_view'],
    YES_NO,
    'whether /proc shows its own memory and processors, by lxcfs',
    {
      live: true,
      default: 'yes',
    },
  ),
  container(['PCI', '--pci_add'], PCI, 'PCI device to hand over', { live: true }),
  container(['PCI', '--pci_del'], PCI, 'PCI device to give back', {
    placeholder: 'ADDRESS|all',
    live: true,
    edit: 'remove',
  }),
];
