#!/usr/bin/perl
# Checks a log exported by docs/seal-export.sql against its seals, by nothing but docs/seals.md.
#   perl seal-checker.pl [SEAL] < log.tsv      SEAL: a hash kept from earlier, which the chain must pass through
use strict; use warnings;
use IPC::Open2;

# Debian's perl-base has no Digest::SHA: sha256sum does the same, a process for each event.
my $sha256 = eval { require Digest::SHA; \&Digest::SHA::sha256 } || sub {
    my $pid = open2(my $out, my $in, 'sha256sum');
    binmode $in; print $in $_[0]; close $in;
    my $hex = <$out>; waitpid $pid, 0; return pack 'H64', $hex;
};
my ($kept) = @ARGV;
my ($last, $sealed, $seals, $hash, $digests, $end) = (0, 0, 0, "\0" x 32, '', '');

sub bad { my ($position, $what) = @_; print "position $position: $what\n"; exit 1 }

sub check_event {
    my ($position, $id, $microseconds, $source, $headers, $body, $digest) = @_;
    bad($last + 1, "removed; the next event is at $position") if $position != $last + 1;
    ($id, $source, $headers, $body) = map { pack 'H*', tr/-//dr } $id, $source, $headers, $body;
    my $computed = $sha256->($id . pack('q> l>/a* l>/a*', $microseconds, $source, $headers) . $body);
    bad($position, 'altered') if unpack('H*', $computed) ne $digest;
    ($last, $digests) = ($position, $digests . $computed);
}

sub check_seal {
    my ($position, $count, $stored) = @_;
    bad($sealed + 1, 'seal removed or altered') if $position - $sealed != $count;
    bad($last + 1, 'removed; a seal covers it') if $position != $last;
    $hash = $sha256->($hash . $digests);
    bad($sealed + 1, 'seal broken') if unpack('H*', $hash) ne $stored;
    ($sealed, $digests, $seals) = ($position, '', $seals + 1);
    undef $kept if defined $kept && $stored eq lc $kept;
}

while (<STDIN>) {
    chomp or last;
    my ($at, $kind, @line) = split /\t/;
    if ($kind eq 'end') { $end = "@line" } elsif ($kind eq 'seal') { check_seal($at, @line) } else { check_event($at, @line) }
}
bad($last + 1, 'the export is cut off here') if $end ne "$last $seals";
bad($sealed + 1, 'inserted; no seal covers it') if $last > $sealed;
bad($sealed + 1, 'removed; the chain never came to the seal that was kept') if defined $kept;
printf "verified %d events, %d seals, seal %s\n", $sealed, $seals, unpack('H*', $hash);
