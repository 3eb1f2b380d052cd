#import "AURTickets.h"
#import "AURBackoff.h"
#import "AURErrorMaking.h"

const NSTimeInterval AURCompletionTimeout = 20;

@interface AURTicket : NSObject {
@public
    AURTicketCompletion _completion;
    NSSet<NSString *> *_keys;
    id _result;
    NSError *_error;
    id<AURCancellable> _timer;
}
@end

@implementation AURTicket
@end

@implementation AURTickets {
    AUREnvironment *_env;
    NSMutableArray<AURTicket *> *_tickets;
}

- (instancetype)initWithEnvironment:(AUREnvironment *)environment {
    if ((self = [super init])) {
        _env = environment;
        _tickets = [NSMutableArray array];
    }
    return self;
}

- (NSUInteger)count { return _tickets.count; }

- (void)add:(AURTicketCompletion)completion keys:(NSSet<NSString *> *)keys within:(NSTimeInterval)seconds {
    AURTicket *ticket = [[AURTicket alloc] init];
    ticket->_completion = completion;
    ticket->_keys = keys;
    // Keeps both until then: whoever waits is answered even if the client is gone.
    ticket->_timer = AURAfter(_env, seconds, ^{
        ticket->_error = AURMakeError(AURErrorTimedOut, @"Aurora has not answered in time; values are kept and will be delivered");
        [self finish:ticket];
    });
    [_tickets addObject:ticket];
}

- (void)finish:(AURTicket *)ticket {
    if (![_tickets containsObject:ticket]) return;
    [ticket->_timer cancel];
    [_tickets removeObject:ticket];
    [_env.callbacks perform:^{ ticket->_completion(ticket->_result, ticket->_error); }];
}

static BOOL concerns(AURTicket *ticket, NSDictionary *values) { return values != nil && [ticket->_keys intersectsSet:[NSSet setWithArray:values.allKeys]]; }

- (void)settleWithPending:(NSDictionary *)pending refused:(NSDictionary *)refused error:(NSError *)error {
    for (AURTicket *ticket in [_tickets copy]) {
        if (concerns(ticket, refused)) ticket->_error = error;
        if (!concerns(ticket, pending)) [self finish:ticket];
    }
}

- (void)finishAll:(id)result error:(NSError *)error {
    for (AURTicket *ticket in [_tickets copy]) {
        ticket->_result = result;
        ticket->_error = error;
        [self finish:ticket];
    }
}

@end
