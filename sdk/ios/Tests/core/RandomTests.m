// Ten thousand random orders of calls, failures, restarts and passing time. Whatever the order: at the end Aurora holds the
// last value of everything, every receipt is counted once, and every completion was called exactly once.
#import "AURErrors.h"
#import "AURTest.h"
#import "AURWorld.h"

static NSUInteger setting(const char *name, NSUInteger otherwise) {
    const char *given = getenv(name);
    return given == NULL ? otherwise : (NSUInteger)atol(given);
}

@interface AURModel : NSObject
@property (nonatomic) AURWorld *world;
@property (nonatomic) AURClient *client;
@property (nonatomic) NSMutableDictionary *values;
@property (nonatomic) NSMutableSet *tags, *receipts;
@property (nonatomic) NSUInteger asked, answered, messages;
@end

@implementation AURModel

- (NSString *)name { return @[ @"a", @"b", @"c", @"d" ][self.world.random % 4]; }

- (NSSet *)names {
    NSMutableSet *set = [NSMutableSet setWithObject:[self name]];
    while (self.world.random % 2) [set addObject:[self name]];
    return set;
}

- (void (^)(NSError *))completion {
    self.asked++;
    __block int calls = 0;
    return ^(NSError *error) {
        calls++;
        CHECK(calls == 1, "a completion was called %d times", calls);
        self.answered++;
    };
}

- (void)ask:(void (^)(void (^answered)(void)))question {
    self.asked++;
    question(^{ self.answered++; });
}

- (void)step {
    AURWorld *world = self.world;
    AURClient *client = self.client;
    NSString *name = [self name];
    NSSet *names = [self names];
    switch (world.random % 23) {
    case 0: [client setAlias:name completion:[self completion]], self.values[@"alias"] = name; break;
    case 1: [client setAlias:@"" completion:nil], self.values[@"alias"] = @""; break;
    case 2: [client setTags:names completion:[self completion]], self.tags = [names mutableCopy]; break;
    case 3: [client addTags:names completion:[self completion]], [self.tags unionSet:names]; break;
    case 4: [client removeTags:names completion:[self completion]], [self.tags minusSet:names]; break;
    case 5: [client setTags:[NSSet set] alias:name completion:[self completion]], self.tags = [NSMutableSet set], self.values[@"alias"] = name; break;
    case 6: [self badge]; break;
    case 7: [client registerDeviceToken:[name dataUsingEncoding:NSUTF8StringEncoding] production:NO], self.values[@"token"] = [NSString stringWithFormat:@"%02x", [name characterAtIndex:0]]; break;
    case 8: [self note:[NSString stringWithFormat:@"%u", world.random % 30 + 1] opened:YES]; break;
    case 9: [self note:[NSString stringWithFormat:@"%u", world.random % 30 + 1] opened:NO]; break;
    case 10: [world.faults addObject:world.random % 2 ? [AURFault offline] : [AURFault lost]]; break;
    case 11: [world.faults addObject:[AURFault status:world.random % 2 ? 503 : 200 body:@"<html>"]]; break;
    case 12: world.offline = !world.offline; break;
    case 13: [client retry]; break;
    case 14: [client setFetchesMessages:world.random % 2]; break;
    case 15: [self restart]; break;
    case 16: { [self ask:^(void (^answered)(void)) { [client requestRegistrationID:^(NSString *identifier, NSError *error) { answered(); }]; }]; break; }
    case 17: { [self ask:^(void (^answered)(void)) { [client readDevice:^(NSDictionary *device, NSError *error) { answered(); }]; }]; break; }
    case 18: { [self ask:^(void (^answered)(void)) { [client whenDelivered:^(BOOL delivered) { answered(); } within:world.random % 30]; }]; break; }
    case 19: if (world.devices.count == 1) [world message:[NSString stringWithFormat:@"%lu", 1000 + (unsigned long)++self.messages] content:@"m"]; break;
    case 20: [client registerVoIPToken:[name dataUsingEncoding:NSUTF8StringEncoding] production:NO], self.values[@"voip_token"] = [NSString stringWithFormat:@"%02x", [name characterAtIndex:0]]; break;
    case 21: case 22: [self activity:name ends:world.random % 3 == 0 starts:world.random % 2]; break;
    }
    if (world.random % 3 == 0) [world pass:world.random % 700 / 100.0];
    else if (world.random % 2) [world settle];
}

- (void)badge {
    NSInteger badge = self.world.random % 9;
    [self.client setBadge:badge];
    self.values[@"badge"] = @(badge);
}

- (void)activity:(NSString *)name ends:(BOOL)ends starts:(BOOL)starts {
    NSString *list = starts ? @"live_activity_start_tokens" : @"live_activity_tokens";
    NSData *token = ends ? nil : [@"t" dataUsingEncoding:NSUTF8StringEncoding];
    NSMutableDictionary *all = [NSMutableDictionary dictionaryWithDictionary:self.values[list] ?: @{}];
    [all setValue:ends ? nil : @"74" forKey:name];
    self.values[list] = all;
    starts ? [self.client registerActivityStartToken:token type:name production:NO completion:[self completion]] : [self.client registerActivityToken:token activity:name production:NO completion:[self completion]];
}

- (void)note:(NSString *)identifier opened:(BOOL)opened {
    [self.receipts addObject:[identifier stringByAppendingString:@" received"]];
    if (opened) [self.receipts addObject:[identifier stringByAppendingString:@" opened"]];
    opened ? [self.client noteOpened:@{@"_j_msgid" : identifier}] : [self.client noteReceived:@{@"_j_msgid" : identifier}];
}

- (void)restart {
    [self.world settle]; // what the app asked for is stored
    [self.client stop];
    if (self.world.random % 2) [self.world pass:1];
    self.client = [self.world client];
    [self.client start];
}

- (void)judge:(NSUInteger)order {
    [self.client setFetchesMessages:YES];
    [self.world.faults removeAllObjects];
    self.world.offline = NO;
    [self.client retry];
    [self.world pass:30];
    AURWorldDevice *device = [self.world device];
    for (NSString *key in self.values) CHECK([device.values[key] isEqual:self.values[key]], "order %lu: %@ is %@, want %@", (unsigned long)order, key, device.values[key], self.values[key]);
    CHECK([device.tags isEqual:self.tags], "order %lu: tags %@, want %@", (unsigned long)order, device.tags, self.tags);
    for (NSUInteger i = 1; i <= self.messages; i++) [self.receipts addObject:[NSString stringWithFormat:@"%lu received message", 1000 + (unsigned long)i]];
    NSSet *receipts = [NSSet setWithArray:self.world.receipts];
    CHECK([receipts isEqual:self.receipts], "order %lu: receipts %@, want %@", (unsigned long)order, receipts, self.receipts);
    NSMutableSet *handed = [NSMutableSet set];
    for (NSDictionary *message in self.world.messages) [handed addObject:message[@"_j_msgid"]];
    CHECK(handed.count == self.messages, "order %lu: %lu of %lu messages", (unsigned long)order, (unsigned long)handed.count, (unsigned long)self.messages);
    [self.client stop];
    [self.world pass:31];
    CHECK(self.answered == self.asked, "order %lu: %lu of %lu completions", (unsigned long)order, (unsigned long)self.answered, (unsigned long)self.asked);
}

@end

TEST(tenThousandRandomOrders) {
    NSUInteger first = setting("AURORA_FIRST_ORDER", 0), count = setting("AURORA_ORDERS", 10000);
    for (NSUInteger order = first; order < first + count; order++) {
        @autoreleasepool {
            AURModel *model = [[AURModel alloc] init];
            model.world = [AURWorld worldWithSeed:(unsigned)order + 1];
            model.values = [NSMutableDictionary dictionary];
            model.tags = [NSMutableSet set];
            model.receipts = [NSMutableSet set];
            model.client = [model.world client];
            [model.client start];
            NSUInteger steps = 5 + model.world.random % 20;
            for (NSUInteger i = 0; i < steps; i++) [model step];
            [model judge:order];
        }
    }
}
