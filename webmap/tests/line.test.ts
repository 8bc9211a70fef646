import { beforeEach, describe, expect, it, vi } from 'vitest';
import './setup';
import './screens';
import { Line } from '../src/api/line';

let now = 0;
const network = { onLine: true };
vi.stubGlobal('navigator', network);

describe('the line to the server', () => {
  beforeEach(() => {
    now = 1_000_000;
    network.onLine = true;
  });

  it('waits twice as long after each failure, at most a minute, and not at all after an answer', () => {
    const line = new Line(() => now);
    const waits: number[] = [];
    for (let round = 0; round < 8; round += 1) {
      line.failed();
      line.failed();
      expect(line.quiet).toBe(true);
      waits.push(line.wait_ms / 1000);
      now += line.wait_ms;
      expect(line.quiet).toBe(false);
    }
    expect(waits).toEqual([2, 4, 8, 16, 32, 60, 60, 60]);
    line.failed();
    const heard = vi.fn();
    line.addEventListener('back', heard);
    line.answered();
    expect(line.quiet).toBe(false);
    expect(heard).toHaveBeenCalledOnce();
  });

  it('asks nothing without a network, and at once when there is one again', () => {
    const line = new Line(() => now);
    const heard = vi.fn();
    line.addEventListener('back', heard);
    line.answered();
    network.onLine = false;
    window.dispatchEvent(new Event('offline'));
    expect(line.quiet).toBe(true);
    now += 3_600_000;
    expect(line.quiet).toBe(true);
    network.onLine = true;
    window.dispatchEvent(new Event('online'));
    expect(line.quiet).toBe(false);
    expect(heard).toHaveBeenCalledOnce();
  });

  it('believes an answer more than a computer that calls itself offline', () => {
    network.onLine = false;
    const line = new Line(() => now);
    expect(line.quiet).toBe(true);
    line.answered();
    expect(line.quiet).toBe(false);
    line.failed();
    now += 10_000;
    expect(line.quiet).toBe(true);
  });
});
