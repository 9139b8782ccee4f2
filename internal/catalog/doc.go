// Package catalog knows the functions, their versions and aliases, the layers
// and the code signing configs, and holds the rules across them: what may be
// created, what an update changes, what is published, what is refused and in
// which words. The words are AWS's; the numbers in comments (F035) name the
// recordings.
//
// # Authority
//
// The store has the truth and the catalog has a copy in memory, which it alone
// changes. A change is decided, written to the store, and only then shown:
// whatever a caller has been told survives a kill. Changes of one function take
// turns, across the write; changes of different functions do not wait for each
// other, so the store can commit them together.
//
// Reads, and Resolve above all, which is part of every invocation, take no lock
// and allocate nothing: a function is an immutable value behind an atomic
// pointer. What is handed out is shared; nobody may write to it.
//
// # States
//
//	CreateFunction        Latest: Pending                     (F035)
//	UpdateCode, Settings  Latest: Active, update InProgress   (F070)
//	Publish with either   the new version: Pending            (F048, F075)
//	PublishVersion        the new version: Active at once     (F090)
//
//	Pending    ── its packages are unpacked ──▶ Active, update Successful (F036)
//	           ── they cannot be            ──▶ Failed
//	InProgress ── its packages are unpacked ──▶ Successful                (F071)
//	           ── they cannot be            ──▶ Failed; what ran before runs on
//
// Each arrow gives a new RevisionId (F037, F071). The work behind the arrows is
// done by a few activators; what is Pending or InProgress when the catalog
// starts is theirs too, so a kill only delays it. While an update is in
// progress invocations run what was there before, and further updates are
// refused (F073).
//
// # Aliases and what else belongs to a function
//
// An alias points to a version, or divides its invocations between two; Resolve
// draws one for each invocation. A version that an alias points to cannot be
// deleted. Policies, event invoke configs, runtime update modes and function
// URLs are attached to a qualifier: to a version's number, to an alias, or to
// Latest, which stands for the function itself as well. They are part of the
// function's document in the store, change together with it, and go with what
// they are attached to. Reserved concurrency, the code signing config and the
// recursive loop setting belong to the function as a whole.
//
// What concerns several functions takes a turn of the account before a
// function's: reserving concurrency, and making, attaching and removing code
// signing configs.
//
// # Generations
//
// Code and settings together have a Generation, which every update changes and
// nothing else does. Environments are made for a generation. When one is no
// longer to be served, the Observer is told.
package catalog
