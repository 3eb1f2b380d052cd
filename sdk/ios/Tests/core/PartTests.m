// The smaller parts, each by itself.
#import "AURChanges.h"
#import "AURExtensionReporter.h"
#import "AURHeldTaps.h"
#import "AURNames.h"
#import "AUROnce.h"
#import "AURProvisioning.h"
#import "AURStorage.h"
#import "AURTest.h"
#import "AURWorld.h"
#include <sys/stat.h>

/// What some changes make of the tags of a device, by the request that they lead to.
static NSArray *applied(AURChanges *changes, NSArray *tags) {
    NSDictionary *operation = AURChangesBody(changes)[@"tags"];
    NSMutableSet *set = [NSMutableSet setWithArray:operation[@"set"] ?: tags];
    for (NSString *tag in operation[@"remove"]) [set removeObject:tag];
    for (NSString *tag in operation[@"add"]) [set addObject:tag];
    return [set.allObjects sortedArrayUsingSelector:@selector(compare:)];
}

// Composition has one meaning: the changes applied one after the other; also when the first are confirmed in between.
TEST(changesOfTagsCompose) {
    NSArray *sets = @[ @[], @[ @"a" ], @[ @"a", @"b" ] ], *starts = @[ @[], @[ @"a" ], @[ @"b", @"c" ] ];
    NSMutableArray *all = [NSMutableArray array];
    for (NSArray *tags in sets) {
        NSSet *set = [NSSet setWithArray:tags];
        [all addObjectsFromArray:@[ AURTagsAlone(set), AURTagChanges(set, YES), AURTagChanges(set, NO) ]];
    }
    for (AURChanges *first in all)
        for (AURChanges *second in all)
            for (AURChanges *third in all)
                for (NSArray *start in starts) {
                    NSArray *want = applied(third, applied(second, applied(first, start)));
                    AURChanges *early = AURChangesThen(first, second), *composed = AURChangesThen(early, third);
                    NSArray *got = applied(composed, start);
                    CHECK([got isEqual:want], "%@ then %@ then %@ on %@: %@, want %@", first, second, third, start, got, want);
                    CHECK([applied(composed, got) isEqual:got], "repeating changes %@", got);
                    for (AURChanges *sent in @[ first, early ]) {
                        got = applied(AURChangesWithout(composed, sent), applied(sent, start));
                        CHECK([got isEqual:want], "%@ was sent of %@ on %@: %@, want %@", sent, composed, start, got, want);
                    }
                }
}

TEST(handlersAreCalledExactlyOnce) {
    __block NSMutableArray *calls = [NSMutableArray array];
    @autoreleasepool {
        AUROnce *once = [[AUROnce alloc] initWithName:@"h" fallback:9 block:^(NSUInteger value) { [calls addObject:@(value)]; }];
        void (^block)(NSUInteger) = [once block];
        once = nil;
        block(1);
        block(2);
    }
    EQUAL(calls, @[ @1 ]);
    @autoreleasepool {
        void (^block)(NSUInteger) = [[[AUROnce alloc] initWithName:@"h" fallback:9 block:^(NSUInteger value) { [calls addObject:@(value)]; }] block];
        CHECK(block != nil);
    }
    EQUAL(calls, (@[ @1, @9 ])); // an app that forgets it does not leave the system waiting
}

TEST(tapsWaitForAListener) {
    NSMutableArray *later = [NSMutableArray array], *heard = [NSMutableArray array];
    AURHeldTaps *taps = [[AURHeldTaps alloc] initWithCallbacks:^(void (^block)(void)) { [later addObject:[block copy]]; }];
    void (^run)(void) = ^{
        while (later.count > 0) {
            void (^block)(void) = later.firstObject;
            [later removeObjectAtIndex:0];
            block();
        }
    };
    for (int i = 1; i <= 25; i++) [taps addPayload:@{@"_j_msgid" : @(i)} action:i == 25 ? @"reply" : nil];
    [taps addPayload:@{@"_j_msgid" : @25} action:@"reply"]; // told twice: by the launch options and by the delegate
    run();
    CHECK(heard.count == 0);
    taps.handler = ^(NSDictionary *payload, NSString *action) { [heard addObject:[NSString stringWithFormat:@"%@ %@", payload[@"_j_msgid"], action]]; };
    run();
    CHECK(heard.count == 20 && [heard.firstObject isEqual:@"6 (null)"] && [heard.lastObject isEqual:@"25 reply"], "%@", heard);
    [taps addPayload:@{@"_j_msgid" : @26} action:nil];
    run();
    EQUAL(heard.lastObject, @"26 (null)");
}

TEST(theEnvironmentIsReadFromTheProfile) {
    NSData *(^profile)(NSString *) = ^NSData *(NSString *value) {
        NSMutableData *data = [NSMutableData dataWithBytes:"0\x82\x12\0\xff<?xml" length:10];
        [data appendData:[[NSString stringWithFormat:@"<key>aps-environment</key>\n\t<string>%@</string>", value] dataUsingEncoding:NSUTF8StringEncoding]];
        [data appendBytes:"\0\xfe" length:2];
        return data;
    };
    CHECK(AURSigningOfProfile(profile(@"development")) == AURSigningDevelopment);
    CHECK(AURSigningOfProfile(profile(@"production")) == AURSigningProduction);
    CHECK(AURSigningOfProfile(profile(@"other")) == AURSigningUnknown);
    CHECK(AURSigningOfProfile(nil) == AURSigningUnknown);
    CHECK(AURSigningOfProfile([@"<key>aps-environment</key>" dataUsingEncoding:NSUTF8StringEncoding]) == AURSigningUnknown);
    CHECK(AURProductionToken(AURSigningDevelopment, YES) == NO && AURProductionToken(AURSigningUnknown, YES) == YES);
    CHECK(AURSigningContradiction(AURSigningDevelopment, YES) != nil && AURSigningContradiction(AURSigningDevelopment, NO) == nil);
    CHECK(AURSigningContradiction(AURSigningUnknown, YES) == nil);
}

TEST(theRecordLiesInAFileOfItsOwner) {
    NSURL *folder = [AURTemporaryFolder() URLByAppendingPathComponent:@"deep/er"];
    AURFileStorage *storage = [[AURFileStorage alloc] initWithFolder:folder name:@"installation.json"];
    NSData *data = nil, *content = [@"secret" dataUsingEncoding:NSUTF8StringEncoding];
    CHECK([storage load:&data error:NULL] && data == nil);
    CHECK([storage save:content error:NULL]);
    CHECK([storage load:&data error:NULL] && [data isEqual:content]);
    struct stat info;
    NSString *path = [folder URLByAppendingPathComponent:@"installation.json"].path;
    CHECK(stat(path.UTF8String, &info) == 0 && (info.st_mode & 0777) == 0600, "mode %o", info.st_mode & 0777);
    CHECK([[NSFileManager defaultManager] contentsOfDirectoryAtPath:folder.path error:NULL].count == 1);
    AURFileStorage *nowhere = [[AURFileStorage alloc] initWithFolder:[NSURL fileURLWithPath:@"/proc/none"] name:@"x"];
    NSError *error = nil;
    CHECK(![nowhere save:content error:&error] && error != nil);
}

TEST(namesFollowTheRules) {
    NSSet *mixed = [NSSet setWithObjects:@"fine", @"", @"a,b", @"中文", [@"" stringByPaddingToLength:41 withString:@"x" startingAtIndex:0], nil];
    EQUAL(AURValidTags(mixed), ([NSSet setWithObjects:@"fine", @"中文", nil]));
    CHECK(AURCheckMobile(@"+") != nil && AURCheckMobile(@"-1") != nil && AURCheckMobile(@"1+1") != nil && AURCheckMobile(@"") == nil);
}

#pragma mark - The service extension

static AURWorld *registered(AURClient **client) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    world.receiptQueue = [[AURReceiptQueue alloc] initWithFolder:AURTemporaryFolder()];
    *client = [world client];
    [*client start];
    [world pass:2];
    return world;
}

static int report(AURWorld *world, NSDictionary *payload, NSTimeInterval time) {
    __block int calls = 0;
    AURExtensionReporter *reporter = [[AURExtensionReporter alloc] initWithAppKey:AURWorldAppKey environment:[world environment]];
    [reporter reportReceived:payload completion:^{ calls++; }];
    [world pass:time];
    return calls;
}

TEST(theExtensionReportsBeforeItFinishes) {
    AURClient *client = nil;
    AURWorld *world = registered(&client);
    CHECK(report(world, @{@"_j_msgid" : @71, @"aps" : @{@"mutable-content" : @1}}, 1) == 1);
    EQUAL(world.receipts, @[ @"71 received" ]);
    CHECK([world.receiptQueue waiting].count == 0);
    CHECK(report(world, @{@"aps" : @{}}, 1) == 1); // another sender's
    [client stop];
    [world pass:60];
}

TEST(theExtensionQueuesWhatItCannotSend) {
    AURClient *client = nil;
    AURWorld *world = registered(&client);
    world.offline = YES;
    CHECK(report(world, @{@"_j_msgid" : @72}, 1) == 1);
    CHECK([world.receiptQueue waiting].count == 1 && world.receipts.count == 0);
    world.offline = NO;
    world.latency = 100; // the server is too slow
    CHECK(report(world, @{@"_j_msgid" : @73}, AURExtensionTimeout - 1) == 0);
    [world pass:2];
    world.latency = 0.05;
    CHECK([world.receiptQueue waiting].count == 2);
    [client retry]; // the app comes to the front
    [world pass:5];
    EQUAL(world.receipts, (@[ @"72 received", @"73 received" ]));
    CHECK([world.receiptQueue waiting].count == 0);
    [client stop];
    [world pass:120];
}

TEST(theExtensionWaitsForTheAppToRegister) {
    AURWorld *world = [AURWorld worldWithSeed:1];
    world.receiptQueue = [[AURReceiptQueue alloc] initWithFolder:AURTemporaryFolder()];
    CHECK(report(world, @{@"_j_msgid" : @74}, 1) == 1);
    CHECK(world.requests.count == 0);
    AURClient *client = [world client];
    [client start];
    [world pass:3];
    EQUAL(world.receipts, @[ @"74 received" ]);
    [client noteReceived:@{@"_j_msgid" : @74}]; // the app sees it too
    [world pass:3];
    CHECK(world.batches.count == 1);
    [client stop];
    [world pass:60];
}

TEST(theQueueIsBoundedAndSurvivesDamage) {
    NSURL *folder = AURTemporaryFolder();
    AURReceiptQueue *queue = [[AURReceiptQueue alloc] initWithFolder:folder];
    NSDate *start = [NSDate dateWithTimeIntervalSince1970:1.7e9];
    for (int i = 0; i < 1010; i++) CHECK([queue addReceived:@{@"_j_msgid" : @(i + 1)} at:[start dateByAddingTimeInterval:i]] != nil);
    NSArray<AURQueuedReceipt *> *waiting = [queue waiting];
    CHECK(waiting.count == 1000, "%lu", (unsigned long)waiting.count);
    EQUAL(waiting.firstObject.receipt[@"msg_id"], @"11");
    [[@"{}" dataUsingEncoding:NSUTF8StringEncoding] writeToFile:waiting.firstObject.file.path atomically:YES];
    CHECK([queue waiting].count == 999);
    CHECK(![[NSFileManager defaultManager] fileExistsAtPath:waiting.firstObject.file.path]);
    [[@"[]" dataUsingEncoding:NSUTF8StringEncoding] writeToFile:[folder URLByAppendingPathComponent:@"identity.json"].path atomically:YES];
    CHECK([queue sharedIdentity] == nil);
}
