#import "AURInbox.h"
#import "AURBackoff.h"
#import "AURErrorMaking.h"
#import "AURLogging.h"
#import "AURValues.h"

@implementation AURInbox {
    AURDeviceAPI *_api;
    AUREnvironment *_env;
    __weak id<AURInboxDelegate> _delegate;
    id<AURCancellable> _request; // under way
    NSUInteger _number;          // of the latest request; answers to older ones are void
    id<AURCancellable> _pause;
    NSUInteger _failures;
    BOOL _connected;
    BOOL _hurried;               // retry was called during a request: it ends the pause that may follow
}

- (instancetype)initWithAPI:(AURDeviceAPI *)api environment:(AUREnvironment *)environment delegate:(id<AURInboxDelegate>)delegate {
    if ((self = [super init])) {
        _api = api;
        _env = environment;
        _delegate = delegate;
        _wait = 50;
    }
    return self;
}

- (void)setOpen:(BOOL)open {
    if (_open == open) return;
    _open = open;
    if (open) {
        [self retry];
        return;
    }
    _number++;
    [_request cancel];
    _request = nil;
    [self connected:NO];
    [self endPause];
}

- (void)connected:(BOOL)connected {
    if (_connected == connected) return;
    _connected = connected;
    [_delegate inbox:self connected:connected];
}

- (void)endPause {
    [_pause cancel];
    _pause = nil;
}

- (void)retry {
    _hurried = _request != nil;
    [self endPause];
    [self turn];
}

- (void)turn {
    if (!_open || _request != nil || _pause != nil) return;
    AURIdentity *device = [_delegate identityForInbox:self];
    if (device == nil) return;
    NSUInteger number = ++_number;
    NSDate *asked = [_env.clock now];
    __weak AURInbox *weak = self;
    NSString *path = [NSString stringWithFormat:@"/messages?wait=%ld", (long)_wait];
    _request = [_api send:@"GET" path:path of:device body:nil timeout:_wait + AURRequestTimeout answer:^(NSDictionary *answer, NSError *error) {
        [weak request:number asked:asked answered:answer error:error];
    }];
}

- (void)request:(NSUInteger)number asked:(NSDate *)asked answered:(NSDictionary *)answer error:(NSError *)error {
    if (number != _number) return;
    _request = nil;
    NSArray *messages = AURList(answer[@"messages"]);
    if (error == nil && messages == nil) error = AURMakePassingError(@"the server's answer holds no messages", 0, nil);
    [self connected:error == nil];
    if (error != nil) {
        [_delegate inbox:self failed:error];
        [self pauseFor:AURErrorRetryAfter(error)];
        return;
    }
    // An answer that comes at once and brings nothing new must not lead to a tight circle, whatever the server's reason.
    BOOL fruitful = messages.count > 0 && [_delegate inbox:self received:messages];
    BOOL waited = messages.count == 0 && [[_env.clock now] timeIntervalSinceDate:asked] >= 1;
    if (!fruitful && !waited) {
        [self pauseFor:0];
        return;
    }
    _failures = 0;
    [self turn];
}

- (void)pauseFor:(NSTimeInterval)atLeast {
    NSTimeInterval seconds = _hurried ? 0 : AURPause(++_failures, atLeast);
    _hurried = NO;
    AURLogLine(AURLogLevelDebug, @"in-app messages: next attempt in %.1f s", seconds);
    __weak AURInbox *weak = self;
    _pause = AURAfter(_env, seconds, ^{ [weak retry]; });
}

@end
