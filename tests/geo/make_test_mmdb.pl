#!/usr/bin/perl
# Writes the small databases the tests and demonstrations use, into the folder of this script.
# Documentation prefixes (RFC 5737, RFC 3849) and 10.0.0.0/8 only: nothing here is true of
# anybody. Needs libmaxmind-db-writer-perl.
use strict;
use warnings;
use FindBin;
use MaxMind::DB::Writer::Tree;

my %types = (
    asn                            => 'utf8_string',
    as_name                        => 'utf8_string',
    autonomous_system_number       => 'uint32',
    autonomous_system_organization => 'utf8_string',
    city                           => 'map',
    continent                      => 'map',
    country                        => 'map',
    country_code                   => 'utf8_string',
    en                             => 'utf8_string',
    geoname_id                     => 'uint32',
    iso_code                       => 'utf8_string',
    latitude                       => 'double',
    location                       => 'map',
    longitude                      => 'double',
    names                          => 'map',
    speed                          => 'uint32',
);

# Places of the address space: prefix, country, AS, its name.
my @places = (
    [ '192.0.2.0/24',     'JP', 64496, 'Example Networks' ],
    [ '198.51.100.0/25',  'NL', 64497, 'Beispiel Netz GmbH' ],
    [ '198.51.100.128/25', 'BR', 64498, "Telecomunica\x{e7}\x{f5}es Exemplo" ],
    [ '203.0.113.0/24',   'KR', 65551, '=cmd|"/c calc"!A1' ],
    [ '2001:db8::/33',    'DE', 64499, 'Example IPv6' ],
    [ '2001:db8:8000::/33', 'FR', 4200000000, 'Exemple' ],
    [ '10.0.0.0/10',      'CN', 64500, 'Demo Telecom' ],
    [ '10.64.0.0/10',     'US', 64501, 'Demo Cloud' ],
    [ '10.128.0.0/10',    'VN', 64502, 'Demo Broadband' ],
    [ '10.192.0.0/10',    'IN', 64503, 'Demo Mobile' ],
);

# name, database_type, IP version, prefix and place -> record
sub write_database {
    my ( $name, $type, $version, $record, $remove ) = @_;
    my $tree = MaxMind::DB::Writer::Tree->new(
        ip_version               => $version,
        record_size              => 24,
        database_type            => $type,
        languages                => ['en'],
        description              => { en => 'nightscope test data' },
        map_key_type_callback    => sub { $types{ $_[0] } or die $_[0] },
        remove_reserved_networks => 0,
    );
    for my $place (@places) {
        next if $version == 4 && $place->[0] =~ /:/;
        my $data = $record->(@$place);
        $tree->insert_network( $place->[0], $data ) if $data;
    }
    my $path = "$FindBin::Bin/$name.mmdb";
    open my $file, '>:raw', $path or die "$path: $!";
    $tree->write_tree($file);
    close $file or die "$path: $!";
}

write_database(
    'country', 'Test-Country', 6,
    sub {
        my ( undef, $cc ) = @_;
        { continent => { names => { en => 'Somewhere' } }, country => { geoname_id => 1, iso_code => $cc } };
    }
);
write_database(
    'city', 'Test-City', 6,
    sub {
        my ( undef, $cc ) = @_;
        {   city     => { names => { en => 'Exampleton' } },
            country  => { geoname_id => 1, iso_code => $cc },
            location => { latitude => 1.5, longitude => -2.5 } };
    }
);
write_database(
    'asn', 'Test-ASN', 6,
    sub {
        my ( undef, undef, $asn, $organization ) = @_;
        { autonomous_system_number => $asn, autonomous_system_organization => $organization };
    }
);
write_database( 'flat_country', 'test-flat-country', 6, sub { { country_code => $_[1] } } );
write_database( 'flat_country4', 'test-flat-country-ipv4', 4, sub { { country_code => $_[1] } } );
write_database(
    'flat_asn', 'test-flat-asn', 6,
    sub { { asn => "AS$_[2]", as_name => $_[3] } }
);
# Only one network, and it does not know it: what is not two capital letters is unknown.
write_database( 'odd_country', 'test-odd-country', 6,
    sub {
        my ( $prefix, $cc ) = @_;
        my %odd = ( JP => 'jp', NL => 'NLD', BR => '', KR => 'KR', DE => "D\x{c9}" );
        exists $odd{$cc} ? { country_code => $odd{$cc} } : undef;
    }
);
write_database( 'flat_city', 'test-flat-city', 6,
    sub { { country_code => $_[1], latitude => 1.5, longitude => -2.5 } } );
# Positions as text; out of range; not numbers; one of the two alone.
my %odd_positions = (
    JP => [ '-35.25', '139.75' ], NL => [ '90.01', '0' ],  BR => [ '1', '180.5' ],
    KR => [ '1e1',    '2' ],      CN => ['12'],
);
$types{latitude} = $types{longitude} = 'utf8_string';
write_database( 'odd_city', 'test-odd-city', 6,
    sub {
        my ( undef, $cc ) = @_;
        my ( $latitude, $longitude ) = @{ $odd_positions{$cc} || return };
        { country_code => $cc, latitude => $latitude,
            defined $longitude ? ( longitude => $longitude ) : () };
    }
);
write_database( 'neither', 'Test-Connection-Speed', 6, sub { { speed => 100 } } );
