#import "AURTickets.h"
#import "AURErrorMaking.h"

const NSTimeInterval AURCompletionTimeout = 20;

@interface AURTicket : NSObject
@property (nonatomic, copy) AURCompletion completion;
@property (nonatomic, copy) NSArray<NSString *> *keys;
@property (nonatomic) NSError *error;
@property (nonatomic) id<AURCancellable> timer;
@end

@implementation AURTicket
@end

@implementation AURTickets {
    id<AURClock> _clock;
    id<AURQueue> _queue, _callbacks;
    NSMutableArray<AURTicket *> *_tickets;
}

- (instancetype)initWithClock:(id<AURClock>)clock queue:(id<AURQueue>)queue callbacks:(id<AURQueue>)callbacks {
    if ((self = [super init])) {
        _clock = clock;
        _queue = queue;
        _callbacks = callbacks;
        _tickets = [NSMutableArray array];
    }
    return self;
}

- (void)add:(AURCompletion)completion keys:(NSArray<NSString *> *)keys {
    AURTicket *ticket = [[AURTicket alloc] init];
    ticket.completion = completion;
    ticket.keys = keys;
    __weak AURTickets *weak = self;
    __weak AURTicket *late = ticket;
    id<AURQueue> queue = _queue;
    ticket.timer = [_clock after:AURCompletionTimeout perform:^{
        [queue perform:^{
            AURTicket *mine = late;
            if (mine == nil) return;
            mine.error = AURMakeError(AURErrorTimedOut, @"Aurora has not confirmed it within 20 s; the value is kept and will be delivered");
            [weak finish:mine];
        }];
    }];
    [_tickets addObject:ticket];
}

- (void)finish:(AURTicket *)ticket {
    if (![_tickets containsObject:ticket]) return;
    [ticket.timer cancel];
    [_tickets removeObject:ticket];
    [_callbacks perform:^{ ticket.completion(ticket.error); }];
}

- (void)settleWithPending:(NSDictionary *)pending refused:(NSDictionary *)refused error:(NSError *)error {
    for (AURTicket *ticket in [_tickets copy]) {
        BOOL waits = NO;
        for (NSString *key in ticket.keys) {
            if (refused[key] != nil) ticket.error = error;
            waits = waits || pending[key] != nil;
        }
        if (!waits) [self finish:ticket];
    }
}

- (void)failAll:(NSError *)error {
    for (AURTicket *ticket in [_tickets copy]) {
        ticket.error = error;
        [self finish:ticket];
    }
}

@end
