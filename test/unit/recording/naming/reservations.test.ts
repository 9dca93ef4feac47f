// Names in use: counted holders, and handles that may be released more than once.

import { describe, expect, it } from "vitest";
import { Reservations } from "../../../../src/recording/naming/reservations.js";

describe("a reservation", () => {
  it("keeps its name until its last holder releases it", () => {
    const names = new Reservations();
    const [first, second] = [names.take("/x"), names.take("/x")];
    first.release();
    expect(names.has("/x")).toBe(true);
    second.release();
    expect(names.has("/x")).toBe(false);
    expect(names.paths).toEqual([]);
  });

  it("is active while somebody writes, and still held while it is finished", () => {
    const names = new Reservations();
    const [first, second] = [names.take("/x"), names.take("/x")];
    first.stopWriting();
    expect(names.isActive("/x")).toBe(true);
    second.stopWriting();
    expect(names.isActive("/x")).toBe(false);
    expect(names.has("/x")).toBe(true);
  });

  it("counts once however often it is released, and takes nothing from those that hold the name besides", () => {
    const names = new Reservations();
    const [first, second] = [names.take("/x"), names.take("/x")];
    for (let i = 0; i < 3; i++) first.release();
    for (let i = 0; i < 3; i++) first.stopWriting();
    expect(names.isActive("/x")).toBe(true);
    second.release();
    expect(names.has("/x")).toBe(false);
    // A handle of the name's former life does not reach into the next.
    const third = names.take("/x");
    first.release();
    second.release();
    expect(names.isActive("/x")).toBe(true);
    third.release();
    expect(names.paths).toEqual([]);
  });

  it("keeps a deletion of its file from beginning, and waits for one that has begun", async () => {
    const names = new Reservations();
    const held = names.take("/x");
    expect(names.beginDeletion("/x")).toBeUndefined();
    held.release();
    const end = names.beginDeletion("/x");
    expect([typeof end, names.beginDeletion("/x")]).toEqual(["function", undefined]);
    names.take("/x");
    const steps: string[] = [];
    const waited = names.whenNotDeleting("/x").then(() => steps.push("opened"));
    await names.whenNotDeleting("/y");
    steps.push("deleted");
    end?.();
    await waited;
    expect(steps).toEqual(["deleted", "opened"]);
  });

  it("lets the file be deleted that its holder has left behind, and keeps the name from others", () => {
    const names = new Reservations();
    const [run, segment] = [names.take("/x"), names.take("/x")];
    run.leaveFile();
    run.leaveFile();
    expect(names.beginDeletion("/x"), "the segment is not final").toBeUndefined();
    segment.release();
    names.beginDeletion("/x")?.();
    expect([names.isActive("/x"), names.has("/x")]).toEqual([true, true]);
    const other = names.take("/x");
    expect(names.beginDeletion("/x"), "another holder may open it").toBeUndefined();
    other.release();
    expect(names.beginDeletion("/x")).toBeDefined();
    run.release();
    expect(names.paths).toEqual([]);
  });
});
