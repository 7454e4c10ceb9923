// Package stwo proves and verifies runs of Cairo programs with a circle STARK over the field of 2^31 - 1 elements (Haböck, Levit and Papini,
// "Circle STARKs", ePrint 2024/278). Its proofs are byte for byte those of StarkWare's S-two, stwo 2.3.0 with the Cairo AIR 1.3.0, so that each
// side's verifier takes the other's proofs.
//
// A proof shows that there is a table of rows for each kind of work that the run did (each class of instructions, each builtin, the memory, range
// checks), that every row satisfies its component's constraints (package cairoair), and that what the tables use of each other is what they
// yield to each other. The tables' columns are committed by Merkle trees (package pcs), and FRI shows that they are polynomials.
//
// A [Proof] has three serialised forms: StarkWare's JSON, the list of felts that verifiers written in Cairo take, and a binary file.
package stwo

// Version names the proof system and its version. Proofs of other versions are refused: a proof does not say its version.
const Version = "stwo 2.3.0"
